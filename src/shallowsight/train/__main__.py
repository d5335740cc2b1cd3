"""What torchrun starts in every process: `python -m shallowsight.train task.json`."""

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
    # Said before the metrics linger: whoever started this process is waiting for it.
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
    # What every node has: all others are told of nothing.
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
    """Train as the task file says; every failure is told to the launcher and is an exit status."""
    # torchrun gives each process a session of its own: nothing else would end them when it is killed.
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
    # All is written. A thread of torch's that outlives the interpreter's own end aborts a process now and then, and
    # with it a training that went well.
    os._exit(0)


if __name__ == "__main__":
    main()
