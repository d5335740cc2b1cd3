"""Who watches a stage is told of every state, and whether it could be saved."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage
from shallowsight.train.state import SavedStates

Make = Callable[..., ProcessTask]


def told(job: ProcessTask) -> list[tuple[int, bool]]:
    states: list[tuple[int, bool]] = []
    run_stage(job, lambda *_: None, lambda update, saved: states.append((update, saved)))
    return states


@pytest.fixture
def job(make_job: Make, tmp_path: Path) -> ProcessTask:
    """Four updates, and a state after each but the last."""
    return make_job().model_copy(update={"states": f"file://{tmp_path}/states", "save_seconds": 1e-9})


def test_saved(job: ProcessTask) -> None:
    assert told(job) == [(1, True), (2, True), (3, True)]


def test_not_saved(job: ProcessTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SavedStates, "_commit", lambda *_: ["no room"])
    assert told(job) == [(1, False), (2, False), (3, False)]


def test_nowhere_to_save(job: ProcessTask) -> None:
    assert told(job.model_copy(update={"states": None})) == []
