"""Train one stage of one experiment, under a lease, with metrics, starting from its last saved state."""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.errors import LeaseHeld, ShallowsightError
from shallowsight.observe.progress import Progress
from shallowsight.steps.machine import scratch
from shallowsight.steps.process_task import Conditions, process_task, state_key, states_url, trunk_key
from shallowsight.store.cells import Cell
from shallowsight.store.lease import lease
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.stage_task import StageTask
from shallowsight.store.store import Store

if TYPE_CHECKING:
    from shallowsight.observe.metrics.training import TrainingMetrics

_LEASE = 60.0  # seconds; if the holder dies, another machine can go on with the training after this time


OnFailure = Callable[[ShallowsightError], None]


def train_cell(
    task: StageTask,
    store: Store,
    processes: int | None,
    accumulation: int | None = None,
    on_failure: OnFailure = lambda error: None,
) -> Path:
    """Train a cell unless it is complete, and return its folder.

    Args:
        processes: as in train.launch.
        accumulation: as in ProcessTask.
        on_failure: called with an error of the training before its metrics linger for Prometheus.

    Raises:
        LeaseHeld: another machine that shares the training states is training this cell.
        ConfigurationError: a variable of the environment is not a number of threads, or not a number of seconds.
        ShallowsightError: see train.launch.
    """
    cell = task.cell

    def make(out: Path) -> None:
        from shallowsight.train.launch import launch
        from shallowsight.train.loop import UpdateRecord
        from shallowsight.train.texts import read_shortened

        progress = Progress(str(cell))
        # The store's lock keeps out other processes of this machine. The lease keeps out other machines, which may
        # share the training states.
        owner = f"{cell} on {platform.node()}"
        with (
            lease(
                open_objects(states_url(store)), f"{state_key(cell)}/lease", owner, _LEASE, wait=1.5 * _LEASE
            ) as held,
            scratch(store) as work,
            _metrics(task, store) as metrics,
            _telling(on_failure),
        ):

            def show(record: UpdateRecord, updates: int) -> None:
                if held.lost.is_set():
                    raise LeaseHeld(f"{cell}: another machine has taken over this training and continues it")
                metrics.records_read(len(shortened().left_out), len(shortened().cut))
                metrics.update_done(record, updates)
                progress(record.update, updates, f"loss {record.loss:.3f}, {1 / record.seconds:.1f} updates/s")

            told = process_task(task, conditions, store, out, work)
            shortened = cache(partial(read_shortened, told))  # the file exists before the first update is done
            launch(told, processes, show, metrics.state_kept)
        built.append(cell)

    conditions = Conditions.here(processes, accumulation)
    built: list[Cell] = []
    folder = store.build(cell, make)
    if built:  # otherwise another machine may be training from these states
        _remove_states(states_url(store), f"{state_key(cell)}/update-")
        if cell == task.whole:  # nothing goes on from its parts any more
            _remove_states(states_url(store), f"{trunk_key(cell)}-")
    return folder


def lend_processes(
    task: StageTask,
    store: Store,
    accumulation: int | None = None,
    on_failure: OnFailure = lambda error: None,
) -> None:
    """Run the training processes of a node that is not the first one; writes nothing to the store.

    Raises:
        ShallowsightError: see train.launch.
    """
    from shallowsight.observe.metrics.exposition import Endpoint
    from shallowsight.observe.metrics.linger import linger, seconds_for
    from shallowsight.train.launch import lend

    endpoint = Endpoint.from_environment()
    with scratch(store) as work:
        out = work / "out"
        out.mkdir()
        try:
            with _telling(on_failure):
                lend(process_task(task, Conditions.here(None, accumulation), store, out, work))
        except ShallowsightError as error:
            if endpoint is not None:
                # When one node ends, torchrun ends all nodes, also the first, whose metrics tell Prometheus the reason.
                linger(seconds_for(error, endpoint.linger))
            raise


@contextmanager
def _telling(on_failure: OnFailure) -> Iterator[None]:
    try:
        yield
    except ShallowsightError as error:
        on_failure(error)
        raise


def _metrics(task: StageTask, store: Store) -> "TrainingMetrics":
    from shallowsight.observe.metrics.exposition import Endpoint
    from shallowsight.observe.metrics.training import TrainingMetrics

    cell = task.cell
    return TrainingMetrics(
        task.resolved.study.name,
        cell.digest,
        cell.step,
        textfile=store.root / "metrics" / f"{cell.digest}.prom",
        endpoint=Endpoint.from_environment(),
    )


def _remove_states(url: str, begin: str) -> None:
    """Delete the states of a finished stage. The released lease object stays: a delete could hit another holder's."""
    objects = open_objects(url)
    for key in objects.keys(begin):
        objects.delete(key)
