"""The report over a study in which the evaluations of two settings ended early."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from study_builder import FEW, Builder

from shallowsight.report.compare.comparing import compare
from shallowsight.report.compare.sides import read_side
from shallowsight.report.findings import find
from shallowsight.report.inputs import read_study
from shallowsight.report.terminal import terminal_table
from shallowsight.report.write import write_report
from shallowsight.study.early_stop import SCREEN, CategoryLook, Screened


def screened(looks: int, *, stopped: bool) -> str:
    look = CategoryLook(pictures=75 * looks, questions=75 * looks, gap=-0.4, p=1e-9, limit=1e-6, clearly_loses=stopped)
    found = Screened(
        usual="11",
        stopped=stopped,
        asked=150 * looks,
        questions=600,
        looks=({"count": look, "colour": look},) * looks,
    )
    return found.model_dump_json()


def stop(builder: Builder, setting: str, seed: int, looks: int) -> None:
    """In the place of an evaluation stands the cell that says that it ended early."""
    builder.cell("screen", setting, seed, 3.0, {SCREEN: screened(looks, stopped=True)})
    shutil.rmtree(builder.folder / "cells" / builder.digest_of("evaluate", setting, seed))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Layer 2 was stopped with one of its seeds, layer 12 with all; layer 7 was asked some questions, and then all."""
    builder = Builder(curves=FEW, fusion_gain=None)
    study = builder.write(tmp_path_factory.mktemp("s") / "stopped")
    plan = json.loads((study / "plan.json").read_text())
    for member in plan["members"]:
        for experiment in member["experiments"] if member["setting"] != "11" else ():
            digest = builder.digest_of("screen", member["setting"], experiment["seed"])
            experiment["cells"]["screen"] = digest
    (study / "plan.json").write_text(json.dumps(plan))
    stop(builder, "2", 1, 1)
    for seed, looks in ((0, 1), (1, 3), (2, 1)):
        stop(builder, "12", seed, looks)
    builder.cell("screen", "7", 0, 3.0, {SCREEN: screened(3, stopped=False)})
    write_report(study, study / "report")
    return study


def report(folder: Path) -> Any:
    return json.loads((folder / "report" / "report.json").read_text())


def test_a_setting_with_a_stopped_seed_is_out_in_whole(folder: Path) -> None:
    study = read_study(folder)
    assert [m.setting for m in study.members] == ["7", "11"]
    assert [m.setting for m in study.ended] == ["2", "12"]
    assert [t.state for t in study.ended[0].trials] == ["done", "stopped after 1/4 of the questions", "done"]
    assert all(trial.done for trial in study.member("7").trials)


def test_its_planned_comparisons_count_as_if_they_had_shown_nothing(folder: Path, tmp_path: Path) -> None:
    """p of layer 7 is corrected for three comparisons in each of two categories and both together."""
    findings = find(read_study(folder))
    assert findings.planned.ended == ("2", "12")
    assert findings.judgement is not None
    pair = findings.judgement.pairs["count", "7", "11"]
    assert pair.p == pytest.approx(9 * pair.contrast.p)


def test_the_report_says_who_was_stopped_and_when(folder: Path) -> None:
    found = report(folder)["early_stop"]
    assert [(s["setting"], s["in_full"]) for s in found["settings"]] == [("2", [0, 2]), ("12", [])]
    (only,) = found["settings"][0]["trials"]
    assert (only["seed"], only["after"], only["asked"], only["questions"]) == (1, "1/4", 150, 600)
    assert only["looks"][0]["count"]["gap"] == -0.4
    assert "two settings" in found["said"][0].lower()
    assert "900 of 2,400 questions were asked" in found["said"][0]
    assert "two whole evaluations of other seeds" in found["said"][0]
    assert found["said"][1:] == [
        "Stopped after 1/4 of the questions, below layer 11 in every category: layer 2.",
        "Stopped after 1/4 and 3/4 of the questions, below layer 11 in every category: layer 12.",
    ]
    page = (folder / "report" / "report.html").read_text()
    assert "Evaluations that ended early" in page
    assert all(sentence in page for sentence in found["said"])
    assert any("another training may score more" in sentence for sentence in report(folder)["caveats"])
    assert not any("ended after a part of the training" in sentence for sentence in report(folder)["caveats"])


def test_stopped_models_are_not_missing(folder: Path) -> None:
    page = (folder / "report" / "report.html").read_text()
    assert "State of the models" not in page
    assert not any(sentence.startswith("Incomplete") for sentence in report(folder)["caveats"])


def test_the_terminal_shows_them_without_scores(folder: Path) -> None:
    console = Console(width=100, record=True)
    console.print(terminal_table(folder, 100))
    text = console.export_text()
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.split()}
    assert rows["2"] == rows["12"] == ["stopped", "stopped"]
    assert "Stopped after 1/4 of the questions, below layer 11 in every category: layer 2" in text


def test_a_damaged_one_is_a_problem_that_is_named(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    digest = Builder().digest_of("screen", "2", 1)
    (copy / "cells" / digest / SCREEN).write_text("{}")
    study = read_study(copy)
    assert [m.setting for m in study.ended] == ["12"]
    assert study.problems == (
        f"{SCREEN} of cell {digest[:12]} cannot be used: {SCREEN} of cell {digest[:12]} does not have the sha256 that "
        "its cell.json recorded",
    )
    assert study.member("2").trials[1].state == "not run"


def test_a_comparison_with_another_study_says_what_is_not_compared(folder: Path) -> None:
    found = compare(read_side(folder, "before"), read_side(folder, "after"))
    assert [pair.before.setting for pair in found.pairs] == ["7", "11"]
    said = "not compared, because they ended early in the {} study: layer 2, layer 12"
    assert [note for note in found.notes if "ended early" in note] == [said.format("first"), said.format("second")]


def test_a_study_without_early_stops_says_nothing(planted: Path) -> None:
    assert report(planted)["early_stop"] is None
    assert "Evaluations that ended early" not in (planted / "report" / "report.html").read_text()
