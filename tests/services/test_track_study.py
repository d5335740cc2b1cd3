"""What arrives at a weave project: scores; questions when asked for; each evaluation once. With weave itself."""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from evaluated_study import BENCHMARKS, PICTURE, evaluated
from tracked import KEY, looked_up, needs_weave, server_for_weave
from typer.testing import CliRunner
from weave_stub import Json, WeaveStub

from shallowsight import __version__
from shallowsight.cli import track as cli_track
from shallowsight.errors import ConfigurationError
from shallowsight.observe.tracking.settings import PROJECT, SAMPLES
from shallowsight.observe.tracking.values import Outcome
from shallowsight.steps.tracking import track_study
from shallowsight.store.cells import evaluate_cell, prepare_cell
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

pytestmark = [pytest.mark.slow, needs_weave]

NAMES = ("quick 3 seed 0", "quick 3 seed 1", "quick 3,7:concat seed 0", "quick 3,7:concat seed 1")


@dataclass(frozen=True)
class Tracked:
    """A study that was sent once, and what was then there; tests may send more."""

    resolved: Resolved
    store: Store
    server: WeaveStub
    environment: pytest.MonkeyPatch
    home: Path
    outcome: Outcome
    text: str  # all that was sent
    evaluations: dict[str, Json]  # then there, by name
    rows: list[Json]  # then there


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracked]:
    store, home = Store(tmp_path_factory.mktemp("tracked") / "study"), tmp_path_factory.mktemp("home")
    resolved = evaluated(store)
    with server_for_weave(home) as (server, environment):
        outcome = track_study(store)
        there = {call["display_name"]: dict(call) for call in server.named("Evaluation.evaluate")}
        rows = server.named("Evaluation.predict_and_score")
        yield Tracked(resolved, store, server, environment, home, outcome, server.sent, there, rows)


def test_every_setting_and_seed_is_one_evaluation(tracked: Tracked) -> None:
    assert tracked.outcome == Outcome(sent=NAMES)
    assert sorted(tracked.evaluations) == sorted(NAMES)
    assert tracked.text.count("/call/start ") == len(NAMES)


def test_the_scores_arrive(tracked: Tracked) -> None:
    for name in BENCHMARKS:
        assert tracked.evaluations[NAMES[0]]["output"][name] == {
            "category": name[7:], "metric": "accuracy", "value": 2 / 3, "n": 3, "standard_error": None, "chance": 0.25,
        }  # fmt: skip


def test_the_attributes_say_which_model_it_was(tracked: Tracked) -> None:
    attributes = tracked.evaluations["quick 3,7:concat seed 1"]["attributes"]
    found = {k: v for k, v in attributes.items() if "weave" not in k}
    cell = evaluate_cell(tracked.resolved, Setting.parse("3,7:concat"), 1)
    assert len(found.pop("study_digest")) == 16
    assert found == {
        "study": "quick", "setting": "3,7:concat", "layers": [3, 7], "fusion": "concat", "connector": "mlp2x_gelu",
        "seed": 1, "rows": 0,
        "tower": "embedded:dinov2-small", "language": "scratch", "cell_digest": cell.digest,
        "questions_digest": prepare_cell(tracked.resolved).digest, "version": __version__,
    }  # fmt: skip


def test_all_settings_answered_one_and_the_same_evaluation(tracked: Tracked) -> None:
    """What leaderboards compare; the models differ."""
    assert len({call["inputs"]["self"] for call in tracked.evaluations.values()}) == 1
    assert len({call["inputs"]["model"] for call in tracked.evaluations.values()}) == len(NAMES)


def test_neither_questions_nor_answers_leave_the_machine_by_default(tracked: Tracked) -> None:
    assert "quick 3 seed 0" in tracked.text
    machine = ("os_name", "sys_version", platform.release())
    for word in ("number", "answer", PICTURE, str(tracked.store.root), str(tracked.home), KEY, *machine):
        assert word not in tracked.text
    assert tracked.rows == []


def test_no_other_machine_is_asked_and_the_key_is_the_users(tracked: Tracked) -> None:
    assert looked_up(tracked.home) == {"127.0.0.1"}
    assert len(tracked.server.keys - {""}) == 1


def test_a_second_time_nothing_is_sent(tracked: Tracked) -> None:
    calls = len(tracked.server.calls)
    assert track_study(tracked.store) == Outcome(already_there=NAMES)
    assert len(tracked.server.calls) == calls


def test_one_that_was_renamed_on_the_page_is_not_sent_again(tracked: Tracked) -> None:
    renamed = next(c for c in tracked.server.named("Evaluation.evaluate") if c["display_name"] == NAMES[0])
    renamed["display_name"] = "the best one"
    try:
        assert track_study(tracked.store) == Outcome(already_there=NAMES)
    finally:
        renamed["display_name"] = NAMES[0]


def test_another_setting_seed_cell_or_number_of_questions_is_another_evaluation(tracked: Tracked) -> None:
    before = {number: dict(call) for number, call in tracked.server.calls.items()}
    changes = {"setting": "9", "seed": 9, "cell_digest": "other", "rows": 9}
    for call, (name, value) in zip(tracked.server.named("Evaluation.evaluate"), changes.items(), strict=True):
        call["attributes"] = call["attributes"] | {name: value}
    try:
        assert track_study(tracked.store) == Outcome(sent=NAMES)
    finally:
        tracked.server.calls = before


def test_what_is_not_whole_there_is_sent_again(tracked: Tracked) -> None:
    """By the command, which says so."""
    broken = next(c for c in tracked.server.named("Evaluation.evaluate") if c["display_name"] == NAMES[1])
    del broken["output"]
    parent = typer.Typer()
    parent.add_typer(cli_track.app)
    parent.command("other")(lambda: None)
    ended = CliRunner().invoke(parent, ["track", "--out", str(tracked.store.root)])
    assert ended.exit_code == 0
    assert ended.output.splitlines() == [f"sent: {NAMES[1]}", *(f"there already: {n}" for n in NAMES if n != NAMES[1])]


def test_questions_are_sent_when_asked_for_but_no_path(tracked: Tracked) -> None:
    tracked.environment.setenv(SAMPLES, "3")
    assert track_study(tracked.store) == Outcome(sent=NAMES)
    whole = tracked.server.named("Evaluation.evaluate")
    (first,) = [c for c in whole if c["display_name"] == NAMES[0] and c["attributes"]["rows"] == 3]
    rows = [row for row in tracked.server.named("Evaluation.predict_and_score") if row["parent_id"] == first["id"]]
    rows.sort(key=lambda row: str(row["started_at"]))
    examples = [row["inputs"]["example"] for row in rows]
    assert [(e["benchmark"], e["question"], e["expected"]) for e in examples] == [
        ("scenes_colour", "What scenes_colour is number 0?", "answer-1"),
        ("scenes_ocr", "What scenes_ocr is number 0?", "answer-1"),
        ("scenes_colour", "What scenes_colour is number 1?", "answer-1"),
    ]
    assert {e["key"] for e in examples if e["benchmark"] == "scenes_colour"} == {e["key"] for e in examples}
    assert [row["output"]["output"] for row in rows] == [{"answer": f"answer-{n}"} for n in (0, 0, 1)]
    assert [row["output"]["scores"] for row in rows] == [{"correct": c} for c in (False, False, True)]
    assert PICTURE not in tracked.server.sent
    assert first["output"][BENCHMARKS[0]]["value"] == 2 / 3


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(lambda store: None, "holds no study", id="nothing there"),
        pytest.param(
            lambda store: store.write_document("study.json", "{}"), "by a different version", id="another form"
        ),
    ],
)
def test_a_store_without_a_study_is_refused(tracked: Tracked, tmp_path: Path, make: object, says: str) -> None:
    store = Store(tmp_path / "study")
    make(store)  # type: ignore[operator]
    with pytest.raises(ConfigurationError, match=says):
        track_study(store)


def test_without_a_project_the_command_is_refused(tracked: Tracked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PROJECT)
    with pytest.raises(ConfigurationError, match=f"{PROJECT} is not set: write ENTITY/PROJECT"):
        track_study(tracked.store)
