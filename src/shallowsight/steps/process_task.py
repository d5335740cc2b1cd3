"""The task for the processes of a training, made from the study, the store and the environment."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.steps.machine import member_threads
from shallowsight.store.cells import Cell, prepare_cell
from shallowsight.store.stage_task import StageTask
from shallowsight.store.store import Store
from shallowsight.store.training_states import STATES, seconds_between_states

if TYPE_CHECKING:
    from shallowsight.train.process_task import ProcessTask

_READERS = 4  # processes that decode pictures for each GPU, as in LLaVA's public code


@dataclass(frozen=True)
class Conditions:
    """How a training runs on this machine."""

    threads: int  # of each process
    save_seconds: float  # between two saved training states
    accumulation: int | None  # as ProcessTask has it

    @classmethod
    def here(cls, processes: int | None, accumulation: int | None) -> "Conditions":
        """`processes` as train.launch takes it.

        Raises:
            ConfigurationError: a variable of the environment is not a number of threads, or not a number of seconds.
        """
        return cls(member_threads(processes), seconds_between_states(), accumulation)


def process_task(task: StageTask, conditions: Conditions, store: Store, out: Path, work: Path) -> "ProcessTask":
    """The task of a training that writes into `out`; copies the cells that the training reads to this machine."""
    import torch

    from shallowsight.train.process_task import ProcessTask

    resolved, cell, pretrained = task.resolved, task.cell, task.pretrained
    return ProcessTask(
        experiment=task.experiment,
        tower=resolved.tower,
        stage=task.stage,
        data=store.folder(prepare_cell(resolved)),
        feature_folders=feature_folders(task.features, store),
        start=None if pretrained is None else store.folder(pretrained),
        out=out,
        work=work,
        threads=conditions.threads,
        accumulation=conditions.accumulation,
        # On a CPU, reader processes would take the cores that the training needs.
        workers=_READERS if torch.cuda.is_available() else 0,
        states=states_url(store),
        state_key=state_key(cell),
        trunk_key=None if (whole := task.whole) is None else trunk_key(whole),
        save_seconds=conditions.save_seconds,
        study=resolved.study.name,
        cell=cell.digest,
    )


def feature_folders(cells: Sequence[Cell] | None, store: Store) -> tuple[Path, ...] | None:
    """The folders of cached features, one for each layer; None where features are not cached."""
    return None if cells is None else tuple(store.folder(cell) for cell in cells)


def states_url(store: Store) -> str:
    """The URL below which the states of unfinished trainings are saved."""
    return os.environ.get(STATES, store.url)


def state_key(cell: Cell) -> str:
    """The prefix of the object keys of a cell's training states."""
    return f"training_state/{cell.digest}"


def trunk_key(whole: Cell) -> str:
    """The prefix of the states that parts of a training leave for longer parts; `whole` is the cell of all of it."""
    return f"{state_key(whole)}-trunk"
