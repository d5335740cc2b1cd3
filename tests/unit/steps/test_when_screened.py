"""When an evaluation ends early, which cells that makes, and which a study then needs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evaluated_study import BENCHMARKS, write_analysis, write_anything, write_results

from shallowsight import steps
from shallowsight.cli.local_run import likely_missing, status_of
from shallowsight.errors import ConfigurationError
from shallowsight.evaluate import harness, screening
from shallowsight.observe.tracking.settings import PROJECT
from shallowsight.steps import artifacts, judging
from shallowsight.store.cells import Cell, analyze_cell, evaluate_cell, judge_cell, prepare_cell, screen_cell
from shallowsight.store.plan import make_plan
from shallowsight.store.store import Store
from shallowsight.study.early_stop import SCREEN, CategoryLook, Screened
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

WORDS = ("settings=3 penultimate 7", "seeds=0 1", f"benchmarks={' '.join(BENCHMARKS)}")
JUDGED = ("judge.ask=true", "judge.price_input=1", "judge.price_output=2")
LOSER, USUAL = Setting.parse("3"), Setting.parse("11")

Stops = Callable[[bool], list[str]]


def resolve(*words: str, early_stop: bool = True) -> Resolved:
    return steps.resolve_study("quick", (*WORDS, f"early_stop={str(early_stop).lower()}", *words))


def trained(store: Store, resolved: Resolved) -> None:
    """Every cell is whole but the evaluations."""
    steps.publish(resolved, store)
    for cell in (prepare_cell(resolved), analyze_cell(resolved)):
        store.build(cell, write_analysis)
    for cell in make_plan(resolved, store.folder(analyze_cell(resolved))).cells(resolved):
        if cell.step not in {"evaluate", "judge"}:
            store.build(cell, write_anything)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "study")


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> Stops:
    """Models that are not there: whether they clearly lose is said here; what they are asked is noted."""

    def clearly(lost: bool) -> list[str]:
        asked: list[str] = []

        def screen(about: Any, usual: str, samples: list[Any], out: Path, work: Path) -> None:
            asked.append(f"screen {about.experiment.setting} {about.experiment.seed}")
            assert usual == "11" and len(samples) == 6
            look = CategoryLook(pictures=50, questions=50, gap=-0.5, p=0.0, limit=0.1, clearly_loses=lost)
            looks = ({"ocr": look},) * (1 if lost else 3)
            found = Screened(usual=usual, stopped=lost, asked=50, questions=200, looks=looks)
            (out / SCREEN).write_text(found.model_dump_json())

        def evaluate(about: Any, out: Path, work: Path) -> None:
            asked.append(f"evaluate {about.experiment.setting} {about.experiment.seed}")
            write_results(out)

        monkeypatch.setattr(screening, "screen", screen)
        monkeypatch.setattr(harness, "evaluate", evaluate)
        return asked

    return clearly


def evaluate(resolved: Resolved, setting: str, store: Store) -> list[str]:
    """The steps of the cells that the step names."""
    found = steps.evaluate(resolved, setting, store)
    return [json.loads((cell / "cell.json").read_text())["step"] for cell in found]


def missing(resolved: Resolved, store: Store) -> set[str]:
    return {str(cell) for cell in likely_missing(status_of(resolved, store))}


def test_one_that_clearly_loses_has_no_evaluation_and_the_study_is_complete(store: Store, stops: Stops) -> None:
    resolved, asked = resolve(), stops(True)
    trained(store, resolved)
    assert evaluate(resolved, "11", store) == ["evaluate", "evaluate"]
    assert evaluate(resolved, "3", store) == ["screen", "screen"]
    assert asked == ["evaluate 11 0", "evaluate 11 1", "screen 3 0", "screen 3 1"]
    assert missing(resolved, store) == {"evaluate 7 seed 0", "evaluate 7 seed 1"}
    evaluate(resolved, "7", store)
    status = status_of(resolved, store)
    assert status.complete
    assert {str(c) for c in status.whole if c.setting == "3" and c.step not in {"encode", "pretrain", "finetune"}} == {
        "screen 3 seed 0",
        "screen 3 seed 1",
    }
    asked.clear()
    assert evaluate(resolved, "3", store) == ["screen", "screen"] and asked == []


def test_one_that_does_not_is_evaluated_in_full(store: Store, stops: Stops) -> None:
    resolved, asked = resolve(), stops(False)
    trained(store, resolved)
    evaluate(resolved, "11", store)
    assert evaluate(resolved, "3", store) == ["evaluate", "evaluate"]
    assert asked[2:] == ["screen 3 0", "evaluate 3 0", "screen 3 1", "evaluate 3 1"]
    assert missing(resolved, store) == {"evaluate 7 seed 0", "evaluate 7 seed 1"}


def test_none_waits_for_the_usual_choice(store: Store, stops: Stops, caplog: pytest.LogCaptureFixture) -> None:
    resolved, asked = resolve(), stops(True)
    trained(store, resolved)
    assert evaluate(resolved, "3", store) == ["evaluate", "evaluate"]
    assert asked == ["evaluate 3 0", "evaluate 3 1"]
    assert "screen 3 seed 0: evaluated in full, because layer 11 is not evaluated yet" in caplog.text


def test_a_whole_evaluation_is_not_looked_at_again(store: Store, stops: Stops) -> None:
    stops(True)
    trained(store, resolve())
    for setting in ("11", "3"):
        evaluate(resolve(early_stop=False), setting, store)
    assert evaluate(resolve(), "3", store) == ["evaluate", "evaluate"]
    assert not store.is_whole(screen_cell(resolve(), LOSER, 0))


def test_without_early_stop_a_stopped_one_is_evaluated_after_all(store: Store, stops: Stops) -> None:
    stops(True)
    trained(store, resolve())
    for setting in ("11", "3", "7"):
        evaluate(resolve(), setting, store)
    in_full = resolve(early_stop=False)
    assert {"evaluate 3 seed 0", "evaluate 3 seed 1"} <= missing(in_full, store)
    assert evaluate(in_full, "3", store) == ["evaluate", "evaluate"]
    # What was finished counts, whatever was found before.
    assert evaluate(resolve(), "3", store) == ["evaluate", "evaluate"]


def test_another_evaluation_of_the_usual_choice_is_another_comparison(store: Store, stops: Stops) -> None:
    stops(True)
    resolved = resolve()
    trained(store, resolved)
    evaluate(resolved, "11", store)
    evaluate(resolved, "3", store)
    usual = evaluate_cell(resolved, USUAL, 0)
    store.discard(usual)

    def other(out: Path) -> None:
        write_results(out)
        (out / "more").write_text("another file")

    store.build(usual, other)
    assert "evaluate 3 seed 0" in missing(resolved, store) and "evaluate 3 seed 1" not in missing(resolved, store)


def test_it_changes_no_other_cell() -> None:
    def cells(resolved: Resolved) -> list[Cell]:
        return [evaluate_cell(resolved, LOSER, 0), judge_cell(resolved, LOSER, 0), prepare_cell(resolved)]

    assert cells(resolve(*JUDGED)) == cells(resolve(*JUDGED, early_stop=False))
    screen = screen_cell(resolve(), LOSER, 0)
    assert screen.parents[-1] == evaluate_cell(resolve(), USUAL, 0).digest
    assert screen.parents[:-1] == evaluate_cell(resolve(), LOSER, 0).parents


def test_the_usual_choice_is_trained_first_and_keeps_its_place(store: Store) -> None:
    resolved = resolve()
    trained(store, resolved)
    plan = steps.plan_members(resolved, store)
    assert list(map(str, plan.in_order(resolved))) == ["11", "3", "7"]
    assert list(map(str, plan.in_order(resolve(early_stop=False)))) == ["3", "11", "7"]
    written = json.loads((store.root / "plan.json").read_text())["members"]
    assert [m["setting"] for m in written] == ["3", "11", "7"]
    assert ["screen" in m["experiments"][0]["cells"] for m in written] == [True, False, True]


def test_the_other_boxes_take_what_ended_early(
    store: Store, stops: Stops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PROJECT, raising=False)
    stops(True)
    resolved = resolve(*JUDGED)
    trained(store, resolved)
    evaluate(resolved, "11", store)
    cells = steps.evaluate(resolved, "3", store)
    tracked: list[Setting] = []
    monkeypatch.setattr(judging, "track_setting", lambda resolved, setting, *_: tracked.append(setting))
    assert steps.judge(resolved, "3", store) == cells
    assert tracked == []
    assert artifacts.score_numbers(cells) == {"evaluations that ended early": 2.0}
    artifacts.write_scores("3", cells, str(tmp_path / "scores.md"))
    assert (tmp_path / "scores.md").read_text() == (
        "Setting 3: 2 of 2 evaluations ended early, below layer 11 in every category after 1/4 of the questions\n"
    )
    whole = steps.evaluate(resolved, "11", store)
    assert set(artifacts.score_numbers(whole)) == set(BENCHMARKS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(
            ("settings=3 7",),
            "early_stop=true compares every setting with the penultimate layer, layer 11, and the settings are 3 7: "
            "add penultimate, or set early_stop=false",
            id="nothing to compare with",
        ),
        pytest.param(("settings=groups",), "add penultimate", id="groups are not known yet"),
        pytest.param(("settings=penultimate 11+linear",), "", id="another connector is another setting"),
        pytest.param(("settings=11",), "early_stop=true with the setting 11 alone", id="alone"),
        pytest.param(("settings=penultimate groups",), "", id="beside groups"),
        pytest.param(
            ("more_seeds=2",),
            "early_stop=true with more_seeds: which settings go on is decided by whole evaluations",
            id="added seeds",
        ),
        pytest.param(
            ("halving.eta=3", "finetune.schedule=constant_then_decay"), "early_stop=true with halving.eta", id="halving"
        ),
    ],
)
def test_studies_that_it_does_not_fit(words: tuple[str, ...], said: str) -> None:
    if not said:
        assert resolve(*words).study.early_stop
        return
    with pytest.raises(ConfigurationError) as error:
        resolve(*words)
    assert said in str(error.value) and "\n" not in str(error.value)
