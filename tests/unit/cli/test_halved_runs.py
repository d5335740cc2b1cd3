"""A study that trains fewer settings to the end: who goes on, what is said, how it is resumed, what the report says."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Run
from made_up_cells import make_missing
from session_runs import run as run_session

from shallowsight import steps
from shallowsight.cli import session
from shallowsight.cost.forecast import Outlook
from shallowsight.cost.local import Forecast
from shallowsight.errors import Interrupted

pytestmark = pytest.mark.slow  # each resolves and reports a study of twelve settings several times

LAYERS = "1 2 3 4 5 6 7 8 9 10 11 12"
WORDS = (
    f"settings={LAYERS}",
    "seeds=0 1",
    "halving.eta=3",
    "finetune.schedule=constant_then_decay",
    "finetune.warmup=0.02",
    "benchmarks=scenes_count scenes_colour",
)
# The better the deeper up to 8; 3 and 11 represent the groups, and 11 is the penultimate layer.
SCORES = dict(zip(LAYERS.split(), (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.95, 0.8, 0.6, 0.5, 0.3), strict=True))

Runs = Callable[..., list[list[str]]]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runs:
    """Runs the study with made-up trainings; returns what each pipeline trained. At number `stop` Ctrl-C comes."""

    def run(stop: int = 0, hours: float = math.inf, report: bool = False, *words: str) -> list[list[str]]:
        made: list[list[str]] = []

        def pipeline(name: str, arguments: dict[str, Any], store: Any, *_: object) -> None:
            if len(made) + 1 == stop:
                raise Interrupted("stopped")
            made.append(make_missing(arguments, store, SCORES))

        monkeypatch.setattr(session, "outlook", lambda *_: Outlook(Forecast(7200.0, 10800.0, 5e6), ()))
        if not report:
            monkeypatch.setattr(steps, "report", lambda store: None)
        monkeypatch.setattr(session, "run_pipeline", pipeline)
        monkeypatch.setattr(session, "_print_verdict", lambda console, store: console.print("VERDICT"))
        try:
            run_session("study", tmp_path / "out", *WORDS, *words, hours=hours)
        except Interrupted:
            made.append(["interrupted"])
        return made

    return run


def first_rung_alone(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a cluster trains it, or a budget that ends there."""
    monkeypatch.setattr(session.Budget, "suffices", lambda self, seconds: False)
    monkeypatch.setattr(session.Budget, "require", lambda self, seconds: None)
    assert len(runs(hours=3.0)) == 1


def settings_of(trained: list[str]) -> list[str]:
    return list(dict.fromkeys(each.split()[0] for each in trained))


def said(out: str) -> list[str]:
    return [line for line in out.splitlines() if line.startswith(("after ", "halving:"))]


def control_of(out: Path) -> str:
    return str(json.loads((out / "study.json").read_text())["study"]["halving"]["control"])


def test_rung_by_rung_fewer_settings_go_on(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third = (settings_of(trained) for trained in runs())
    control = control_of(tmp_path / "out")
    assert first == LAYERS.split()
    assert set(second) == {"3", "11", "8", control} and control not in {"3", "11", "8"}
    assert third == second, "both representatives, the best, and the control"
    lines = said(capsys.readouterr().out)
    assert lines[0] == (
        "halving: 12 settings for 1/9 of the updates, at most 6 for 1/3 of the updates, at most 6 for all updates: at "
        "most 6.9 whole finetunings instead of 12; all 12 are pretrained"
    ), "thirds of the tower and layer 11, as long as the groups are not known"
    assert len(lines) == 3
    assert lines[1].startswith("after 1/9 of the updates: 8 (9")
    assert "go on to 1/3 of the updates; control, drawn by lot: " in lines[1]
    assert f"control, drawn by lot: {control}; ended: 1" in lines[1]
    assert lines[2].startswith("after 1/3 of the updates: 8 (9") and lines[2].endswith("; none ended")
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())
    parts = {m["setting"]: (m["part"], sorted(m["shorter"])) for m in plan["members"]}
    assert parts["8"] == (1, ["3", "9"]) and parts["1" if control != "1" else "2"] == (9, [])


def test_the_dry_run_says_what_halving_saves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_session("study", tmp_path / "out", *WORDS, "halving.eta=4", dry_run=True)
    lines = said(capsys.readouterr().out)
    assert len(lines) == 1
    assert lines[0].startswith("halving: 12 settings for 1/16 of the updates, at most 6 for 1/4 of the updates, ")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").glob("cells/*"))


def test_without_representatives_more_settings_end_early(runs: Runs, tmp_path: Path) -> None:
    trained = [settings_of(each) for each in runs(0, math.inf, False, "halving.representatives=false")]
    control = control_of(tmp_path / "out")
    assert set(trained[1]) >= {"8", "11", control} and len(trained[1]) == 4
    assert set(trained[2]) == {"8", "11", control}


def test_the_same_command_again_trains_nothing(runs: Runs, tmp_path: Path) -> None:
    runs()
    plan = (tmp_path / "out" / "plan.json").read_bytes()
    assert runs() == []
    assert (tmp_path / "out" / "plan.json").read_bytes() == plan


def test_after_an_interruption_the_same_command_goes_on(runs: Runs) -> None:
    begun = runs(stop=2)
    assert len(begun) == 2 and begun[-1] == ["interrupted"]
    second, third = (settings_of(trained) for trained in runs())
    assert {"3", "11", "8"} < set(second) and third == second


def test_a_rung_that_the_budget_does_not_suffice_for_is_not_begun(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first_rung_alone(runs, monkeypatch)
    out = capsys.readouterr().out.splitlines()
    assert out[-2:] == ["the budget of 3 hours does not suffice for this rung: nothing goes on", "VERDICT"]


def test_turned_off_it_trains_only_what_has_ended(runs: Runs, tmp_path: Path) -> None:
    """The whole trainings of a halved study are those of the study without halving."""
    whole = settings_of(runs()[-1])
    rest = settings_of(runs(0, math.inf, False, "halving.eta=0")[0])
    assert sorted([*whole, *rest], key=int) == LAYERS.split()


def test_the_report_compares_whole_trainings_only(runs: Runs, tmp_path: Path) -> None:
    runs(report=True)
    report = json.loads((tmp_path / "out" / "report" / "report.json").read_text())
    control, halving = control_of(tmp_path / "out"), report["halving"]
    assert {m["setting"] for m in report["members"]} == {"3", "8", "11", control}
    assert (halving["parts"], halving["counts"], halving["control"]) == ([9, 3, 1], [12, 4, 4], control)
    assert halving["full_runs"] == pytest.approx(12 / 9 + 4 * (1 / 3 - 0.9 / 9) + 4 * (1 - 0.9 / 3))
    # Made-up answers do not depend on the length of the training.
    assert halving["regret"] == pytest.approx(SCORES[control] - SCORES["8"], abs=0.1)
    assert {s["setting"]: s["part"] for s in halving["settings"]}["1" if control != "1" else "2"] == 9
    page = (tmp_path / "out" / "report" / "report.html").read_text()
    assert "Fewer trainings to the end" in page and "drawn by lot" in page
    assert any("ended after a part of the training" in caveat for caveat in report["caveats"])


def test_the_next_rung_of_a_store_is_printed(
    runs: Runs, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_rung_alone(runs, monkeypatch)
    ended = run("next-rung", "--out", str(tmp_path / "out"))
    assert ended.status == 0
    line, words = ended.out.splitlines()[-2:]
    assert line.startswith("after 1/9 of the updates: 8 (")
    assert words.startswith('--set halving.promoted="') and "8=3" in words and ' --set halving.control="' in words


def test_there_is_no_next_rung(runs: Runs, run: Run, tmp_path: Path) -> None:
    runs()
    ended = run("next-rung", "--out", str(tmp_path / "out"))
    assert ended.out.splitlines()[-1] == "those that went on are trained to the end"
    runs(0, math.inf, False, "halving.eta=0")
    ended = run("next-rung", "--out", str(tmp_path / "out"))
    assert ended.status == 2 and "the study trains every setting to the end" in ended.err


def test_a_rung_must_be_finished(runs: Runs, run: Run, tmp_path: Path) -> None:
    runs(stop=1)
    ended = run("next-rung", "--out", str(tmp_path / "out"))
    assert ended.status == 2 and "run it to its end first" in ended.err


def test_a_setting_that_the_study_does_not_have_cannot_go_on(runs: Runs, tmp_path: Path) -> None:
    runs(stop=2)
    with pytest.raises(Exception, match=r"halving.promoted: the study has no setting 3,8:concat"):
        runs(0, math.inf, False, "halving.promoted=3,8:concat=3")


def test_groups_that_cannot_be_read_are_no_reason_to_drop_their_representatives(
    runs: Runs, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_rung_alone(runs, monkeypatch)
    for analysis in (tmp_path / "out" / "cells").glob("*/analysis.json"):
        analysis.write_text("{}")
    ended = run("next-rung", "--out", str(tmp_path / "out"))
    assert ended.status == 1 and "the groups, whose representatives halving keeps, cannot be read" in ended.err
    assert "halving.representatives=false goes without" in ended.err
