"""What two processes train for test_exact_resume.py; they start twice for all of it, because starting takes longer."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from own_linear import restore_linear
from tiny_training import in_folder
from two_processes import train_among_two

from shallowsight.errors import Interrupted
from shallowsight.train.loop import UpdateRecord
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage

UPDATES = 24
FIRST_STOP, SECOND_STOP = 8, 16  # updates after which those of `moved` are stopped
# Four groups of parameters: with and without decay, with the connector's rate and the general one.
GROUPS: dict[str, Any] = {"finetune__weight_decay": 0.1, "finetune__connector_learning_rate": 1e-3}
MUON = GROUPS | {"finetune__optimizer": "muon"}
LEARNED: dict[str, Any] = {"vision__layers": "1,3,4", "fusion__kind": "mmfuser"}
MOVED = (0, 2, 3)  # stages of ZeRO; 1 divides and saves what 2 does
CALM = (MUON | {"finetune__zero": 0}, GROUPS | LEARNED | {"finetune__zero": 2}, *({"finetune__zero": z} for z in MOVED))


@dataclass
class AmongTwo:
    """Finished trainings."""

    calms: list[ProcessTask]  # of two processes, without any fault or state
    moved: dict[int, ProcessTask]  # of two processes until the first stop, of one until the second, and of two
    updates_of_one: dict[int, list[int]]  # what the one process did of those

    def calm(self, **changes: Any) -> ProcessTask:
        return self.calms[CALM.index(changes)]


def train(make_job: Callable[..., ProcessTask], folder: Path) -> AmongTwo:
    moved = {
        zero: in_folder(make_job, folder / f"moved {zero}", UPDATES, finetune__zero=zero).model_copy(
            update={"save_seconds": 3600.0}
        )
        for zero in MOVED
    }
    calms = [
        in_folder(make_job, folder / f"calm {number}", UPDATES, **changes).model_copy(update={"states": None})
        for number, changes in enumerate(CALM)
    ]
    train_among_two(list(moved.values()), stop_after=FIRST_STOP)
    updates_of_one = {zero: _until_the_second_stop(task) for zero, task in moved.items()}
    said = train_among_two([*moved.values(), *calms])
    assert said.count(f"continuing after update {SECOND_STOP}") == 2 * len(moved)
    return AmongTwo(calms, moved, updates_of_one)


def _until_the_second_stop(task: ProcessTask) -> list[int]:
    """In this process."""
    updates = []

    def on_update(record: UpdateRecord, _: int) -> None:
        updates.append(record.update)
        if record.update == SECOND_STOP:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted, match=f"saved after update {SECOND_STOP} "):
        run_stage(task, on_update)
    restore_linear()
    return updates
