"""The answers of an evaluation that ends early are in the bucket, whatever ends it; a whole one keeps them too."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evaluated_study import evaluated

from shallowsight import steps
from shallowsight.evaluate import harness
from shallowsight.evaluate.harness import Evaluated
from shallowsight.store.mirror import MirroredStore
from shallowsight.store.objects.folder import FileObjects

SETTING = "3"


def say(how: Callable[[], None]) -> Callable[[Evaluated, Path, Path], None]:
    """An evaluation that has one answer more, and then this happens."""

    def evaluate(asked: Evaluated, out: Path, work: Path) -> None:
        assert asked.log is not None
        known = sum(asked.log.get(f"question {n}") is not None for n in range(9))
        asked.log.add({f"question {known}": "yes"})
        how()
        (out / "scores.json").write_text(str(known))

    return evaluate


def fail() -> None:
    raise ValueError("the model is ill")


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()  # the handler ends it


@pytest.mark.slow
def test_answers_so_far_are_put_and_read_by_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = FileObjects(tmp_path / "bucket")
    resolved = evaluated(MirroredStore(bucket, tmp_path / "first"), without=SETTING)
    before = signal.getsignal(signal.SIGTERM)
    ends: list[tuple[Callable[[], None], Any]] = [(fail, ValueError), (terminate, KeyboardInterrupt)]
    for number, (how, error) in enumerate(ends):
        monkeypatch.setattr(harness, "evaluate", say(how))
        with pytest.raises(error):
            steps.evaluate(resolved, SETTING, MirroredStore(bucket, tmp_path / f"machine {number}"))
        assert len(bucket.keys("answers/")) == number + 1
    assert signal.getsignal(signal.SIGTERM) == before
    monkeypatch.setattr(harness, "evaluate", say(lambda: None))
    cells = steps.evaluate(resolved, SETTING, MirroredStore(bucket, tmp_path / "last"))
    assert [(cell / "scores.json").read_text() for cell in cells] == ["2", "0"], (
        "of the first seed two, of the other none"
    )
    kept = bucket.keys("answers/")
    assert len(kept) == 4 and len({key.split("/")[1] for key in kept}) == 2, "one folder for each model"
