"""Studies of fusions and connectors: labels, words, the table's parts and the figure of many settings."""

import csv
import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from study_builder import Builder

from shallowsight.evaluate.statistics.family import Verdict
from shallowsight.report.caveats import caveats
from shallowsight.report.choice import choose
from shallowsight.report.findings import find
from shallowsight.report.inputs import read_study
from shallowsight.report.settings_figure import MANY, many
from shallowsight.report.terminal import terminal_table
from shallowsight.report.values import Member
from shallowsight.report.ways import by_kind, compresses, name_of_others
from shallowsight.report.words import lead
from shallowsight.report.write import write_report

CURVES = {"count": {7: 0.45, 11: 0.60}, "colour": {7: 0.50, 11: 0.55}}
CONNECTORS = tuple(
    (f"11+{kind}", [11], "single", kind, 9) for kind in ("ldp", "ldpv2@9", "c_abstractor@9", "resampler")
)
PRESERVING = (("11+linear", [11], "single", "linear", 36),)
FUSIONS = (("1-6|7-12|11:mean-concat", [*range(1, 13), 11], "mean-concat", None, 36),)


def member(setting: str, layers: tuple[int, ...], fusion: str, connector: str | None = None) -> Member:
    return Member(setting=setting, layers=layers, fusion=fusion, connector=connector, roles=(), trials=())


@pytest.mark.parametrize(
    ("found", "label", "single", "control"),
    [
        pytest.param(member("8", (8,), "single"), "layer 8", True, False, id="one layer"),
        pytest.param(member("8+ldp", (8,), "single", "ldp"), "layer 8 (ldp)", False, False, id="a connector"),
        pytest.param(member("3,8:mean", (3, 8), "mean"), "3 + 8 (mean)", False, False, id="a fusion"),
        pytest.param(member("9,9:concat", (9, 9), "concat"), "9 + 9 (concat)", False, True, id="a control"),
        pytest.param(member("3,8|11:deepstack", (3, 8, 11), "deepstack"), "3,8|11 (deepstack)", False, False, id="in"),
        pytest.param(
            member("1-3|5:mean-concat+ldp", (1, 2, 3, 5), "mean-concat", "ldp"),
            "1-3|5 (mean-concat, ldp)", False, False, id="both",
        ),
    ],
)  # fmt: skip
def test_labels(found: Member, label: str, single: bool, control: bool) -> None:
    assert (found.label, found.single, found.control) == (label, single, control)


def test_what_the_others_are() -> None:
    one, fused = member("8", (8,), "single"), member("3,8:mean", (3, 8), "mean")
    connected = member("8+ldp", (8,), "single", "ldp")
    assert name_of_others([one, fused]) == "fusion" and name_of_others([one, connected]) == "connector"
    assert name_of_others([one, fused, connected]) == "fusion or connector"
    control = member("9,9:concat", (9, 9), "concat")
    assert name_of_others([one, control, connected]) == "connector"


@pytest.fixture(scope="module")
def connectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("connectors") / "study"
    Builder(curves=CURVES, fusion_gain=None, more=(*CONNECTORS, *PRESERVING)).write(folder)
    write_report(folder, folder / "report")
    return folder


def test_preserving_and_compressing_stand_apart(connectors: Path) -> None:
    study = read_study(connectors)
    assert [compresses(study, m) for m in study.members] == [False, False, True, True, True, True, False]
    (first, preserving), (second, compressing) = by_kind(study)
    assert [m.setting for m in preserving] == ["7", "11", "11+linear"] and len(compressing) == 4
    page = (connectors / "report" / "report.html").read_text()
    assert first in page and second in page and "<th>Image tokens</th>" in page
    assert "Connector against single layers" in page and "a fusion" not in page.lower()


def test_what_compresses_is_told_by_the_tokens(tmp_path: Path) -> None:
    """`merger` may make a quarter of the tokens, and a resampler as many as there are patch vectors (here 36)."""
    more = (("11+merger@9", [11], "single", "merger@9", 9), ("11+resampler@36", [11], "single", "resampler@36", 36))
    folder = Builder(curves=CURVES, fusion_gain=None, more=more, n=20).write(tmp_path / "study")
    document = json.loads((folder / "study.json").read_text())
    tower = {"name": "t", "family": "dinov2", "depth": 12, "width": 384, "patch": 14, "has_class_token": True}
    (folder / "study.json").write_text(json.dumps(document | {"tower": tower | {"digest": "x"}}))
    study = read_study(folder)
    assert [m.setting for m in study.members if compresses(study, m)] == ["11+merger@9"]


def answer(folder: Path, verdicts: dict[str, Verdict] | None = None) -> list[str]:
    """The sentences below the headline, as if the fusions had these verdicts against every single layer."""
    study = read_study(folder)
    findings = find(study)
    if verdicts:
        for (name, fusion), found in findings.judgement.against_best.items():  # type: ignore[union-attr]
            findings.judgement.against_best[name, fusion] = replace(found, verdict=verdicts[fusion])  # type: ignore
    return lead(study, findings, choose(study, findings))


def test_not_only_the_highest_fusion_is_asked_about(tmp_path: Path) -> None:
    """The highest one may be noisy, and another one beat every single layer all the same."""
    two = tuple((f"7,11:{kind}", [7, 11], kind, None, 36) for kind in ("mean", "concat"))
    folder = Builder(curves=CURVES, fusion_gain=0.3, more=two).write(tmp_path / "study")
    study = read_study(folder)
    highest = {c.fusion.setting for c in choose(study, find(study)) if c.fusion}
    fusions = [m.setting for m in study.members if not m.single]
    assert len(fusions) > len(highest)
    verdicts = {s: Verdict.NOT_DISTINGUISHABLE if s in highest else Verdict.A_BETTER for s in fusions}
    assert answer(folder, verdicts)[-1] == "A fusion beats every single layer on count, colour and all categories."
    clear = dict.fromkeys(fusions, Verdict.NOT_DISTINGUISHABLE)
    assert answer(folder, clear)[-1] == "No fusion is shown to beat every single layer."


def test_a_study_of_connectors_alone(tmp_path: Path) -> None:
    """Nothing is said of the penultimate layer, and nothing is planned."""
    folder = Builder(curves=CURVES, fusion_gain=None, more=CONNECTORS).write(tmp_path / "study")
    plan = json.loads((folder / "plan.json").read_text())
    plan["members"] = [m for m in plan["members"] if m["connector"]]
    (folder / "plan.json").write_text(json.dumps(plan))
    write_report(folder, folder / "report")
    found = json.loads((folder / "report" / "report.json").read_text())
    assert found["headline"] == "No penultimate layer to compare with: scores, but no choice"
    assert found["answer"] == [
        "Without the penultimate layer as one of its settings, the study plans no comparison of single layers."
    ]
    assert not any(pair["planned"] for c in found["categories"].values() for pair in c["pairs"])


@pytest.mark.parametrize(
    ("gain", "more", "headline"),
    [
        pytest.param(0.0, CONNECTORS, "No other connector is shown to beat the study's own", id="connectors"),
        pytest.param(0.3, FUSIONS, "A fusion beats the penultimate layer alone in the only category", id="fusions"),
    ],
)
def test_a_study_of_one_layer(
    tmp_path: Path, gain: float, more: tuple[tuple[str, list[int], str, str | None, int | None], ...], headline: str
) -> None:
    """Nothing is said of other layers where none is compared."""
    planted = Builder(curves={"count": {11: 0.5}}, fusion_gain=gain, more=more, seeds=(0, 1, 2, 3, 4, 5))
    folder = planted.write(tmp_path / "study")
    plan = json.loads((folder / "plan.json").read_text())
    plan["members"] = [m for m in plan["members"] if m["setting"] != "2,7,11:concat"]
    (folder / "plan.json").write_text(json.dumps(plan))
    write_report(folder, folder / "report")
    found = json.loads((folder / "report" / "report.json").read_text())
    assert found["headline"] == headline and len(found["answer"]) == 1 and "No layer" not in found["answer"][0]


def sized(*more: tuple[str, list[int], str, str | None, int | None], folder: Path) -> list[str]:
    written = Builder(curves=CURVES, fusion_gain=None, more=more, n=20).write(folder / "study")
    study = read_study(written)
    return [each for each in caveats(study, find(study)) if "equal size" in each]


def test_a_control_is_missed_where_a_fusion_is_larger(tmp_path: Path) -> None:
    mean = ("7,11:mean", [7, 11], "mean", None, 36)
    concat, other = (f"{layers}:concat" for layers in ("7,11", "7,8,11"))
    two, three = (concat, [7, 11], "concat", None, 36), (other, [7, 8, 11], "concat", None, 36)
    control = ("11,11:concat", [11, 11], "concat", None, 36)
    inside = ("7>0|11:internal-modular", [7, 11], "internal-modular", None, 36)
    assert sized(mean, folder=tmp_path / "as large") == []
    assert sized(mean, two, control, folder=tmp_path / "controlled") == []
    (found,) = sized(two, three, control, folder=tmp_path / "one controlled")
    assert found.startswith("7 + 8 + 11 (concat) has a wider connector")
    (found,) = sized(inside, folder=tmp_path / "attention")
    assert found.startswith("7>0|11 (internal-modular) has attention layers")


def test_the_terminal_tells_long_settings_apart(tmp_path: Path) -> None:
    more = tuple((f"4>0,7>1|11:{kind}", [4, 7, 11], kind, None, 36) for kind in ("internal-direct", "internal-modular"))
    folder = Builder(curves=CURVES, fusion_gain=None, more=more, n=20).write(tmp_path / "study")
    printed = StringIO()
    Console(file=printed, width=100).print(terminal_table(folder, 100))
    first = [line.split()[0] for line in printed.getvalue().splitlines() if line.strip()]
    assert "direct" in "".join(first) and "modular" in "".join(first)


def test_many_settings_have_a_figure(connectors: Path) -> None:
    study = read_study(connectors)
    assert many(study) and sum(not m.single for m in study.members) == MANY + 1
    page = (connectors / "report" / "report.html").read_text()
    assert "Accuracy of every setting, by category" in page and "11+c_abstractor@9" in page
    assert (connectors / "report" / "settings.png").stat().st_size > 20_000


def test_few_settings_have_none(tmp_path: Path) -> None:
    folder = Builder(curves=CURVES, fusion_gain=None, more=FUSIONS).write(tmp_path / "study")
    write_report(folder, folder / "report")
    page = (folder / "report" / "report.html").read_text()
    assert "Accuracy of every setting" not in page and "1-6|7-12|11 (mean-concat)" in page
    assert "An image token for each patch vector" not in page


def test_numbers_name_connector_and_tokens(connectors: Path) -> None:
    found = {m["setting"]: m for m in json.loads((connectors / "report" / "report.json").read_text())["members"]}
    assert (found["11+ldp"]["connector"], found["11+ldp"]["image_tokens"]) == ("ldp", 9)
    assert (found["11"]["connector"], found["11"]["image_tokens"]) == (None, 36)
    rows = list(csv.DictReader((connectors / "report" / "scores.csv").open()))
    assert {(r["setting"], r["connector"], r["image_tokens"]) for r in rows} >= {
        ("11+ldp", "ldp", "9"),
        ("11", "mlp2x_gelu", "36"),
    }


def test_the_table_of_scores_names_the_studys_own_connector(tmp_path: Path) -> None:
    folder = Builder(curves=CURVES, fusion_gain=None, more=CONNECTORS, n=20).write(tmp_path / "study")
    document = json.loads((folder / "study.json").read_text())
    document["study"]["base"]["connector"] = {"kind": "resampler", "tokens": 16}
    (folder / "study.json").write_text(json.dumps(document))
    write_report(folder, folder / "report")
    rows = list(csv.DictReader((folder / "report" / "scores.csv").open()))
    found = {r["setting"]: r["connector"] for r in rows}
    assert found == {"7": "resampler@16", "11": "resampler@16"} | {s: c for s, _, _, c, _ in CONNECTORS}


def test_with_one_single_layer_each_comparison_is_planned_once(tmp_path: Path) -> None:
    """Against the usual choice and against every single layer is then the same comparison."""
    folder = Builder(curves={"count": {11: 0.6}}, fusion_gain=None, more=CONNECTORS).write(tmp_path / "study")
    write_report(folder, folder / "report")
    count = json.loads((folder / "report" / "report.json").read_text())["categories"]["count"]
    against = {found["a"]: found["p"] for found in count["fusions_against_every_single_layer"]}
    planned = {pair["a"]: pair["p"] for pair in count["pairs"] if pair["planned"]}
    assert against == planned and len(planned) == len(CONNECTORS)
