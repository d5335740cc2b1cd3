"""Studies of fusions and connectors: labels, words, the table's parts and the figure of many settings."""

import csv
import json
from pathlib import Path

import pytest
from study_builder import Builder

from shallowsight.report.inputs import read_study
from shallowsight.report.settings_figure import MANY, many
from shallowsight.report.values import Member
from shallowsight.report.ways import by_kind, compresses, name_of_others
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
    assert "Another connector against single layers" in page and "a fusion" not in page.lower()


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
    assert "One image token for each patch" not in page


def test_numbers_name_connector_and_tokens(connectors: Path) -> None:
    found = {m["setting"]: m for m in json.loads((connectors / "report" / "report.json").read_text())["members"]}
    assert (found["11+ldp"]["connector"], found["11+ldp"]["image_tokens"]) == ("ldp", 9)
    assert (found["11"]["connector"], found["11"]["image_tokens"]) == (None, 36)
    rows = list(csv.DictReader((connectors / "report" / "scores.csv").open()))
    assert {(r["setting"], r["connector"], r["image_tokens"]) for r in rows} >= {
        ("11+ldp", "ldp", "9"),
        ("11", "", "36"),
    }


def test_with_one_single_layer_each_comparison_is_planned_once(tmp_path: Path) -> None:
    """Against the usual choice and against every single layer is then the same comparison."""
    folder = Builder(curves={"count": {11: 0.6}}, fusion_gain=None, more=CONNECTORS).write(tmp_path / "study")
    write_report(folder, folder / "report")
    count = json.loads((folder / "report" / "report.json").read_text())["categories"]["count"]
    against = {found["a"]: found["p"] for found in count["fusions_against_every_single_layer"]}
    planned = {pair["a"]: pair["p"] for pair in count["pairs"] if pair["planned"]}
    assert against == planned and len(planned) == len(CONNECTORS)
