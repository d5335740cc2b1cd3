"""The program that torchrun runs in every training process: `python -m shallowsight.train task.json`."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

from shallowsight.errors import ShallowsightError
from shallowsight.observe.metrics.exposition import Endpoint
from shallowsight.observe.metrics.training import TrainingMetrics
from shallowsight.store.failures import say_failure
from shallowsight.train.loop import UpdateRecord
from shallowsight.train.messages import STATE, UPDATE, say
from shallowsight.train.orphans import die_with_parent
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.processes import leave_processes, ranks
from shallowsight.train.stage import run_stage

log = logging.getLogger("shallowsight.train")


def _run(task: ProcessTask) -> None:
    with _said():
        metrics = _metrics(task)
    # The failure is printed before the metrics linger, because the launcher is waiting for it.
    with metrics as shown, _said():
        _train(task, shown)


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except ShallowsightError as error:
        log.error("%s", error)
        say_failure(error)
        raise


def _metrics(task: ProcessTask) -> AbstractContextManager[TrainingMetrics | None]:
    rank, local_rank = ranks()
    # One process of each node serves the node's metrics: the other processes hear of no updates.
    endpoint = Endpoint.from_environment() if local_rank == 0 else None
    if endpoint is None:
        return nullcontext()
    return TrainingMetrics(task.study, task.cell, task.stage, endpoint=endpoint, leads=rank == 0)


def _train(task: ProcessTask, metrics: TrainingMetrics | None) -> None:
    rank, _ = ranks()

    def on_update(record: UpdateRecord, updates: int) -> None:
        if rank == 0:
            say({UPDATE: asdict(record), "updates": updates})
        if metrics is not None:
            metrics.update_done(record, updates)

    def on_state(update: int, saved: bool) -> None:
        if rank == 0:
            say({STATE: update, "saved": saved})
        if metrics is not None:
            metrics.state_kept(update, saved)

    run_stage(task, on_update, on_state)


def main() -> None:
    """Train as the task file says; print every failure for the launcher, and exit with its status."""
    # torchrun starts each process in its own session, so a signal that kills torchrun does not reach this process.
    die_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    task = ProcessTask.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        _run(task)
    except ShallowsightError as error:
        sys.exit(error.exit_status)
    leave_processes()
    sys.stdout.flush()
    sys.stderr.flush()
    # All output is written. Skip the interpreter's shutdown: now and then a thread of torch that is still running then
    # aborts the process, and a successful training would count as failed.
    os._exit(0)
