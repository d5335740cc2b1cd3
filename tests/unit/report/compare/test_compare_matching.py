"""Which setting is compared with which, what the inputs differ in, and what became of the recommendation."""

import json
from pathlib import Path
from typing import Any

import pytest
from two_studies import FLAT, compared, study

from shallowsight.report.compare.values import Compared, Verdict
from shallowsight.report.compare.words import sentences

# Layer 7 beats the penultimate one by far.
SEVEN = {name: {**curve, 7: 0.95} for name, curve in {"count": FLAT["count"], "colour": FLAT["count"]}.items()}
SIX = {name: {2: 0.4, 7: 0.6, 11: 0.6} for name in SEVEN}


def pairs(found: Compared) -> dict[str, tuple[str, str]]:
    return {p.before.setting: (p.after.setting, p.role) for p in found.pairs}


def deeper(document: dict[str, Any]) -> None:
    """Another tower with twice the layers."""
    document["tower"] = {"name": "other", "digest": "sha256:bb", "depth": 24}
    document["study"]["base"]["vision"]["tower"] = "other"


def doubled(folder: Path) -> Path:
    """The same roles at twice the depth, as the plan of that tower would have them."""
    plan = json.loads((folder / "plan.json").read_text())
    for member in plan["members"]:
        member["layers"] = [2 * layer for layer in member["layers"]]
        member["setting"] = str(member["layers"][0])
    (folder / "plan.json").write_text(json.dumps(plan))
    return folder


def test_in_one_tower_settings_are_those_that_are_written_alike(tmp_path: Path) -> None:
    more = {"more": (("2+ldp@9", [2], "single", "ldp@9", 9),)}
    found = compared(study(tmp_path / "b", 0, **more), study(tmp_path / "a", 1))
    assert pairs(found) == {"2": ("2", ""), "7": ("7", ""), "11": ("11", "")}
    assert [m.setting for m in found.only_before] == ["2+ldp@9"] and found.only_after == ()
    assert "Only in the first study: layer 2 (ldp@9)." in sentences(found)


def test_in_towers_of_other_depth_roles_match_and_depths_are_told(tmp_path: Path) -> None:
    found = compared(study(tmp_path / "b", 0), doubled(study(tmp_path / "a", 1, deeper)))
    assert pairs(found) == {
        "2": ("4", "shallow representative"),
        "7": ("14", "middle representative"),
        "11": ("22", "penultimate"),
    }
    labels = [p.label for p in found.pairs]
    assert labels[2] == "penultimate: layer 11 (0.92 of the depth), then layer 22 (0.92)"
    assert {d.verdict for d in found.differences} == {Verdict.NOT_DISTINGUISHABLE}


def test_the_same_number_in_a_deeper_tower_is_no_match(tmp_path: Path) -> None:
    before, after = study(tmp_path / "b", 0), study(tmp_path / "a", 1, deeper)
    for folder in (before, after):
        plan = json.loads((folder / "plan.json").read_text())
        for member in plan["members"]:
            member["roles"] = []
        (folder / "plan.json").write_text(json.dumps(plan))
    assert compared(before, after).pairs == ()


def test_in_another_tower_of_the_same_depth_roles_match_what_is_left(tmp_path: Path) -> None:
    def other(document: dict[str, Any]) -> None:
        document["tower"] = {"name": "other", "digest": "sha256:bb", "depth": 12}

    after = study(tmp_path / "a", 1, other, curves={name: {3: 0.6, 7: 0.6, 11: 0.6} for name in FLAT})
    plan = json.loads((after / "plan.json").read_text())
    plan["members"][0]["roles"] = ["shallow representative"]
    (after / "plan.json").write_text(json.dumps(plan))
    found = pairs(compared(study(tmp_path / "b", 0), after))
    assert found == {"2": ("3", "shallow representative"), "7": ("7", ""), "11": ("11", "")}


def test_changed_inputs_are_told_with_both_values(tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["study"]["base"]["finetune"]["updates"] = 700
        document["study"]["base"]["language"]["model"] = "other/model"
        document["language_digest"] = "sha256:" + "c" * 64
        document["sources"]["scenes"] |= {"digest": "d2", "train_rows": 3100}

    after = study(tmp_path / "a", 1, change, seeds=(3, 4))
    for cell in after.glob("cells/*/cell.json"):
        cell.write_text(json.dumps(json.loads(cell.read_text()) | {"packages": {"torch": "2.14.0"}}))
    found = compared(study(tmp_path / "b", 0), after)
    assert [(c.what, c.before, c.after) for c in found.inputs] == [
        ("seeds", "0, 1, 2, 3, 4", "3, 4"),
        ("language.model", "scratch", "other/model"),
        ("finetune.updates", "350", "700"),
        ("weights of the language model", "none", "c" * 12),
        ("data scenes, digest", "d1", "d2"),
        ("data scenes, training records", "3000", "3100"),
        ("package torch", "none", "2.14.0"),
    ]
    assert not any("code of a step" in note for note in found.notes)


def test_equal_inputs_with_other_digests_mean_changed_code(tmp_path: Path) -> None:
    found = compared(study(tmp_path / "b", 0), study(tmp_path / "a", 1))
    assert found.inputs == ()
    assert any("the code of a step" in note for note in found.notes)


def test_other_seeds_alone_are_no_changed_code(tmp_path: Path) -> None:
    found = compared(study(tmp_path / "b", 0, seeds=(0, 1)), study(tmp_path / "a", 1, seeds=(2, 3)))
    assert not any("the code of a step" in note for note in found.notes)


@pytest.mark.parametrize("supported", [True, False])
def test_a_changed_recommendation_and_whether_it_is_supported(tmp_path: Path, supported: bool) -> None:
    """Layer 7 is shown to beat the usual choice in one of the studies only."""
    curves = (SIX, SEVEN) if supported else (SEVEN, SIX)
    found = compared(study(tmp_path / "b", 0, curves=curves[0]), study(tmp_path / "a", 1, curves=curves[1]))
    (count,) = [r for r in found.recommended if r.category == "count"]
    assert count.changed and count.supported is supported
    choices = ["layer 11 (the usual choice)", "layer 7 (shown to beat the penultimate one)"]
    assert [count.before, count.after] == choices if supported else choices[::-1]
    said = next(s for s in sentences(found) if s.startswith("Recommendation for count"))
    assert f"this change is {'supported' if supported else 'not supported'}: in the second study, layer" in said


def test_a_recommendation_that_stays(tmp_path: Path) -> None:
    found = compared(study(tmp_path / "b", 0), study(tmp_path / "a", 1))
    assert {(r.category, r.changed) for r in found.recommended} == {
        ("count", False),
        ("colour", False),
        ("all categories", False),
    }
