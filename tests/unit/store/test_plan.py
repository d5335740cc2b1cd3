"""From words and an analysis to the members and cells of a study."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shallowsight.errors import ConfigurationError
from shallowsight.store.cells import analyze_cell, encode_cell, evaluate_cell, prepare_cell, probe_cell, stage_cell
from shallowsight.store.digest import digest_of
from shallowsight.store.plan import make_plan, read_groups
from shallowsight.study.overrides import load_study
from shallowsight.study.resolved import Resolved, SourceFacts, TowerFacts
from shallowsight.study.settings import Setting

GROUPS = [
    {"name": "shallow", "layers": [1, 2, 3, 4], "representative": 3},
    {"name": "middle", "layers": [5, 6, 7, 8], "representative": 7},
    {"name": "deep", "layers": [9, 10, 11, 12], "representative": 11},
]


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    (tmp_path / "analysis.json").write_text(json.dumps({"groups": GROUPS}), encoding="utf-8")
    return tmp_path


def resolved(*words: str, cache: bool = True) -> Resolved:
    facts = SourceFacts(digest="x", train_rows=10, test_rows=5, images=15)
    return Resolved(
        study=load_study(
            "demo",
            ["settings=groups penultimate last groups:concat", "seeds=0 1", "probes=false", *words],
            lambda _: 12,
        ),
        tower=TowerFacts(
            name="t", family="dinov2", depth=12, width=384, patch=14, has_class_token=True, digest="sha256:aa"
        ),
        language_digest="scratch",
        sources=dict.fromkeys(("scenes", "scenes-captions", "easy-vqa"), facts),
        cache_features=cache,
    )


def test_reads_the_groups(analysis: Path) -> None:
    groups = read_groups(analysis)
    assert [(g.name, list(g.layers), g.representative) for g in groups] == [
        (g["name"], g["layers"], g["representative"]) for g in GROUPS
    ]


def test_one_group_is_none(tmp_path: Path) -> None:
    whole = [{"name": "all", "layers": list(range(1, 13)), "representative": None}]
    (tmp_path / "analysis.json").write_text(json.dumps({"groups": whole}), encoding="utf-8")
    assert read_groups(tmp_path) == ()
    plan = make_plan(resolved(), tmp_path)
    assert {str(setting): roles for setting, roles in plan.members.items()} == {
        "4": ("evenly spread",),
        "8": ("evenly spread",),
        "12": ("evenly spread", "last"),
        "11": ("penultimate",),
        "4,8,12:concat": ("evenly spread fusion",),
    }


def test_members(analysis: Path) -> None:
    plan = make_plan(resolved(), analysis)
    assert [str(s) for s in plan.members] == ["3", "7", "11", "12", "3,7,11:concat"]
    assert plan.layers == [3, 7, 11, 12]


def test_cells_come_parents_first_and_once(analysis: Path) -> None:
    r = resolved()
    cells = make_plan(r, analysis).cells(r)
    seen: set[str] = set()
    for cell in cells:
        assert set(cell.parents) <= seen, f"{cell} before its parents"
        assert cell.digest not in seen, f"{cell} twice"
        seen.add(cell.digest)
    steps = [cell.step for cell in cells]
    counts = {step: steps.count(step) for step in steps}
    # five settings, two seeds
    assert counts == {"prepare": 1, "analyze": 1, "encode": 4, "pretrain": 10, "finetune": 10, "evaluate": 10}


def test_probes_read_every_layer(analysis: Path) -> None:
    r = resolved("probes=true")
    plan = make_plan(r, analysis)
    cells = plan.cells(r)
    assert [cell.setting for cell in cells if cell.step == "encode"] == [f"layer {k}" for k in range(1, 13)]
    assert cells.index(probe_cell(r)) == 14, "after the features, before the trainings"
    raw = plan.as_json(r)
    assert raw["probes"] == probe_cell(r).digest
    assert list(raw["shared"]["encode"]) == [str(k) for k in range(1, 13)]


def test_probes_without_a_cache(analysis: Path) -> None:
    r = resolved("probes=true", cache=False)
    plan = make_plan(r, analysis)
    assert [cell.step for cell in plan.cells(r)][:3] == ["prepare", "analyze", "probe"]
    assert plan.as_json(r)["shared"]["encode"] == {}


def test_no_encode_cells_without_a_cache(analysis: Path) -> None:
    r = resolved(cache=False)
    plan = make_plan(r, analysis)
    assert "encode" not in {cell.step for cell in plan.cells(r)}
    assert plan.as_json(r)["shared"]["encode"] == {}


def test_plan_json_names_every_cell(analysis: Path) -> None:
    r = resolved()
    plan = make_plan(r, analysis)
    raw = json.loads(json.dumps(plan.as_json(r)))
    assert raw["study"] == digest_of(json.loads(r.document())), "as the report reads study.json"
    assert raw["analysis"] == analyze_cell(r).digest
    assert raw["probes"] is None
    assert raw["shared"] == {
        "prepare": prepare_cell(r).digest,
        "encode": {str(k): encode_cell(r, k).digest for k in (3, 7, 11, 12)},
    }
    member = raw["members"][2]
    assert {k: member[k] for k in ("setting", "layers", "fusion", "roles")} == {
        "setting": "11",
        "layers": [11],
        "fusion": "single",
        "roles": ["deep representative", "penultimate"],
    }
    eleven = Setting.parse("11")
    assert member["experiments"][1] == {
        "seed": 1,
        "cells": {
            "pretrain": stage_cell(r, eleven, 1, "pretrain").digest,
            "finetune": stage_cell(r, eleven, 1, "finetune").digest,
            "evaluate": evaluate_cell(r, eleven, 1).digest,
        },
    }
    named = {d for m in raw["members"] for e in m["experiments"] for d in e["cells"].values()}
    named |= {raw["analysis"], raw["shared"]["prepare"], *raw["shared"]["encode"].values()}
    assert named == {cell.digest for cell in plan.cells(r)}


@pytest.mark.slow
def test_equal_in_every_process(analysis: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path; from test_plan import resolved; from shallowsight.store.plan import make_plan\n"
        "print(make_plan(resolved(), Path(sys.argv[1])).as_json(resolved()))"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program, str(analysis), str(Path(__file__).parent)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1] == f"{make_plan(resolved(), analysis).as_json(resolved())}\n"


def test_a_setting_with_added_seeds_has_more_cells_and_the_others_are_unchanged(analysis: Path) -> None:
    few, more = resolved("more_seeds=8 9"), resolved("more_seeds=8 9", "added=11=8,9 3,7,11:concat=8")
    plan = make_plan(more, analysis)
    raw = {m["setting"]: [e["seed"] for e in m["experiments"]] for m in plan.as_json(more)["members"]}
    assert raw == {"3": [0, 1], "7": [0, 1], "11": [0, 1, 8, 9], "12": [0, 1], "3,7,11:concat": [0, 1, 8]}
    before, after = ({c.digest: str(c) for c in make_plan(r, analysis).cells(r)} for r in (few, more))
    assert before.items() <= after.items()
    assert sorted(after[digest] for digest in set(after) - set(before)) == sorted(
        f"{step} {setting} seed {seed}"
        for setting, seed in (("11", 8), ("11", 9), ("3,7,11:concat", 8))
        for step in ("pretrain", "finetune", "evaluate")
    )
    plain = resolved()
    assert [c.digest for c in make_plan(plain, analysis).cells(plain)] == list(before)


def test_seeds_are_added_to_known_settings_only(analysis: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no setting 9; its settings are 3 7 11 12 3,7,11:concat"):
        make_plan(resolved("more_seeds=8", "added=9=8"), analysis)
