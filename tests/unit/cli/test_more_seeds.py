"""A study that adds seeds to undecided settings: who gets which, what is said, when it ends, how it goes on."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
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
from shallowsight.errors import Interrupted, ShallowsightError

WORDS = (
    "settings=6 penultimate last",
    "seeds=0 1 2 3",
    "more_seeds=7 5",
    "benchmarks=scenes_count scenes_colour",
)
ALIKE = {"6": 0.7, "11": 0.7, "12": 0.7}
SIX_IS_WORSE = ALIKE | {"6": 0.2}
SIX_AND_LAST_ARE_WORSE = SIX_IS_WORSE | {"12": 0.3}

Runs = Callable[..., list[list[str]]]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runs:
    """Runs the study with made-up trainings; returns what each pipeline trained. At number `stop` Ctrl-C comes."""

    def run(
        accuracies: dict[str, float], stop: int = 0, hours: float = math.inf, report: bool = False
    ) -> list[list[str]]:
        made: list[list[str]] = []

        def pipeline(name: str, arguments: dict[str, Any], store: Any, *_: object) -> None:
            if len(made) + 1 == stop:
                raise Interrupted("stopped")
            made.append(make_missing(arguments, store, accuracies))

        monkeypatch.setattr(session, "outlook", lambda *_: Outlook(Forecast(7200.0, 10800.0, 5e6), ()))
        if not report:
            monkeypatch.setattr(steps, "report", lambda store: None)
        monkeypatch.setattr(session, "run_pipeline", pipeline)
        monkeypatch.setattr(session, "_print_verdict", lambda console, store: console.print("VERDICT"))
        try:
            run_session("study", tmp_path / "out", *WORDS, hours=hours)
        except Interrupted:
            made.append(["interrupted"])
        return made

    return run


def looks_of(out: str) -> list[str]:
    return [line for line in out.splitlines() if line.startswith("look ")]


def first(settings: str = "6 11 12") -> list[str]:
    return [f"{s} {seed}" for s in settings.split() for seed in range(4)]


def test_only_undecided_settings_get_the_next_seed(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs(SIX_IS_WORSE) == [first(), ["11 7", "12 7"], ["11 5", "12 5"]]
    out = capsys.readouterr().out
    undecided = "undecided are 12 in all categories, colour, count; "
    assert looks_of(out) == [
        f"look 1 of 3, judged at p < 0.017: {undecided}seed 7 goes to 11, 12",
        f"look 2 of 3, judged at p < 0.017: {undecided}seed 5 goes to 11, 12",
        f"look 3 of 3, judged at p < 0.017: {undecided}no seed is left",
    ]
    assert out.count("forecast for this machine: 2:00:00 to 3:00:00") == 3  # what each look costs
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())
    seeds = {m["setting"]: [e["seed"] for e in m["experiments"]] for m in plan["members"]}
    assert seeds == {"6": [0, 1, 2, 3], "11": [0, 1, 2, 3, 7, 5], "12": [0, 1, 2, 3, 7, 5]}


def test_the_report_says_looks_and_level(runs: Runs, tmp_path: Path) -> None:
    runs(SIX_IS_WORSE, report=True)
    report = json.loads((tmp_path / "out" / "report" / "report.json").read_text())
    assert report["level"] == pytest.approx(0.05 / 3)
    said = [c for c in report["caveats"] if c.startswith("Seeds were added")]
    assert len(said) == 1 and "this is look 3 of at most 3. Every look is judged at p < 0.017" in said[0]
    page = (tmp_path / "out" / "report" / "report.html").read_text()
    assert "this is look 3 of at most 3" in page and "4 to 6 seeds" in page
    assert "p &lt; 0.05" not in page and "p < 0.05" not in (tmp_path / "out/report/recommendation.json").read_text()


def test_a_decided_study_gets_no_seed(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs(SIX_AND_LAST_ARE_WORSE) == [first()]
    assert looks_of(capsys.readouterr().out) == [
        "look 1 of 3, judged at p < 0.017: no planned contrast is undecided, so no seed is added"
    ]


def test_the_same_command_again_trains_nothing(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs(SIX_IS_WORSE)
    before, plan = looks_of(capsys.readouterr().out), (tmp_path / "out" / "plan.json").read_bytes()
    assert runs(SIX_IS_WORSE) == []
    assert looks_of(capsys.readouterr().out) == before
    assert (tmp_path / "out" / "plan.json").read_bytes() == plan


def test_after_an_interruption_the_same_command_goes_on(runs: Runs) -> None:
    assert runs(SIX_IS_WORSE, stop=2) == [first(), ["interrupted"]]
    assert runs(SIX_IS_WORSE) == [["11 7", "12 7"], ["11 5", "12 5"]]


def test_a_look_that_the_budget_does_not_suffice_for_is_not_begun(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session.Budget, "suffices", lambda self, seconds: False)
    monkeypatch.setattr(session.Budget, "require", lambda self, seconds: None)
    assert runs(ALIKE, hours=3.0) == [first()]
    out = capsys.readouterr().out.splitlines()
    assert out[-2:] == ["the budget of 3 hours does not suffice for this look: no seed is added", "VERDICT"]


def test_seeds_without_usable_results_end_the_study(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    from shallowsight.report import read_cells

    read = read_cells.CellReader.trial

    def damaged(self: Any, seed: int, *rest: Any) -> Any:
        return replace(read(self, seed, *rest), state="failed at evaluate") if seed == 7 else read(self, seed, *rest)

    monkeypatch.setattr(read_cells.CellReader, "trial", damaged)
    with pytest.raises(ShallowsightError, match="no usable results"):
        runs(ALIKE)


def test_next_seeds_of_a_store_are_printed(runs: Runs, run: Run, tmp_path: Path) -> None:
    runs(SIX_IS_WORSE, stop=2)
    ended = run("next-seeds", "--out", str(tmp_path / "out"))
    assert ended.status == 0
    look, words = ended.out.splitlines()[-2:]
    assert look.startswith("look 1 of 3") and words == '--set added="11=7 12=7"'


def test_next_seeds_need_a_finished_study(runs: Runs, run: Run, tmp_path: Path) -> None:
    runs(ALIKE, stop=1)
    ended = run("next-seeds", "--out", str(tmp_path / "out"))
    assert ended.status == 2 and ended.err == "shallowsight: the study has no plan yet; run it to its end first\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(("seeds=0",), "1 seed x 303 questions a category: nothing can be claimed; a claim needs", id="1"),
        pytest.param(
            ("seeds=0 1 2 3 4",), "5 seeds x 303 questions a category: claimed in 4 of 5 studies is a", id="5"
        ),
        pytest.param(("seeds=0 1 2", "more_seeds=5 6 7"), "6 seeds x 303 questions", id="with those in reserve"),
        pytest.param(("settings=6 last",), "no comparison is planned, so nothing can be claimed", id="none"),
        pytest.param(("settings=6+ldp last+ldp",), "no comparison is planned", id="connectors without a single layer"),
        pytest.param(("settings=6 11",), "3 seeds x 303 questions a category: claimed", id="the usual by its number"),
    ],
)
def test_the_dry_run_says_what_can_be_claimed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    settings = ("settings=6 penultimate last",) if not words[0].startswith("settings") else ()
    run_session("study", tmp_path / "out", *settings, *words, name="demo", dry_run=True)
    assert says in capsys.readouterr().out
