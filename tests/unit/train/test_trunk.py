"""Parts of one training: a longer part goes on from the trunk of a shorter one, and gives what it gives alone."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stages import losses, sums

from shallowsight.data.learning import LEARNING
from shallowsight.errors import Interrupted
from shallowsight.train.keeper import StopRequest
from shallowsight.train.parts import LOSSES
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage

Make = Callable[..., ProcessTask]
# 24 updates; a sixth of them are 4, a third 8. With a decay of a quarter the trunks have 3 and 6.
CONSTANT = {
    "finetune__schedule": "constant_then_decay",
    "finetune__updates": 24,
    "finetune__warmup": 0.08,
    "finetune__decay": 0.25,
}


def part_of(make_job: Make, states: Path, part: int, **changes: Any) -> ProcessTask:
    made = make_job(**CONSTANT | changes, finetune__part=part)
    return made.model_copy(
        update={"states": f"file://{states}", "state_key": f"states-{part}", "trunk_key": "states-1-trunk"}
    )


def first_update(task: ProcessTask) -> int:
    """Train, and return the number of the first update that was computed."""
    seen: list[int] = []
    run_stage(task, lambda record, _: seen.append(record.update))
    return seen[0]


def require_equal(one: Path, other: Path) -> None:
    assert (one / LOSSES).read_text() == (other / LOSSES).read_text()
    assert (one / LEARNING).read_text() == (other / LEARNING).read_text()
    assert sums(one) == sums(other)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"finetune__optimizer": "adamw", "finetune__zero": 2}, id="adamw"),
        pytest.param({"finetune__optimizer": "muon", "finetune__zero": 0, "accumulation": 2}, id="muon"),
        pytest.param({"finetune__lora__rank": 2, "finetune__lora__dropout": 0.5}, id="dropout"),
    ],
)
def test_rung_by_rung_is_in_one_go_bit_for_bit(make_job: Make, tmp_path: Path, changes: dict[str, Any]) -> None:
    rungs = {part: part_of(make_job, tmp_path / "rungs", part, **changes) for part in (6, 3, 1)}
    assert [first_update(task) for task in rungs.values()] == [1, 4, 7], "each goes on where the trunk before it ends"
    for part, task in rungs.items():
        alone = part_of(make_job, tmp_path / f"alone-{part}", part, **changes)
        assert first_update(alone) == 1
        require_equal(task.out, alone.out)
    assert [len(losses(task.out)) for task in rungs.values()] == [4, 8, 24]


def test_a_longer_part_does_without_a_damaged_trunk(
    make_job: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first_update(part_of(make_job, tmp_path, 6))
    file = next(tmp_path.glob("states-1-trunk-6/update-*/part-*"))
    file.write_bytes(file.read_bytes()[:-1])
    with caplog.at_level(logging.WARNING):
        assert first_update(part_of(make_job, tmp_path, 3)) == 1
    assert "is not the file that was written" in caplog.text


def test_a_part_that_does_not_divide_goes_its_own_way(make_job: Make, tmp_path: Path) -> None:
    """It would lack measurements: those at the quarters of 8 updates are none of a training of a quarter."""
    first_update(part_of(make_job, tmp_path, 4))
    assert first_update(part_of(make_job, tmp_path, 3)) == 1
    assert first_update(part_of(make_job, tmp_path, 2)) == 5


def test_a_stopped_part_goes_on_from_its_own_state(
    make_job: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_update(part_of(make_job, tmp_path, 6))
    stopped = part_of(make_job, tmp_path, 3)
    monkeypatch.setattr(StopRequest, "asked", True, raising=False)
    monkeypatch.setattr(StopRequest, "__init__", lambda self: None)
    with pytest.raises(Interrupted, match="saved after update 4 of 8"):
        run_stage(stopped, lambda *_: None)
    monkeypatch.undo()
    assert first_update(stopped) == 5
    alone = part_of(make_job, tmp_path / "alone", 3)
    run_stage(alone, lambda *_: None)
    require_equal(stopped.out, alone.out)


def test_a_cosine_leaves_no_trunk(make_job: Make, tmp_path: Path) -> None:
    task = make_job().model_copy(update={"states": f"file://{tmp_path}", "trunk_key": "trunk"})
    run_stage(task, lambda *_: None)
    assert not list(tmp_path.rglob("manifest.json"))
