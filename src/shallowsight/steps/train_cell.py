"""The training step: one stage of one experiment, under a lease, with metrics, from its last saved state."""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.errors import LeaseHeld, ShallowsightError
from shallowsight.observe.progress import Progress
from shallowsight.steps.machine import scratch
from shallowsight.steps.process_task import Conditions, process_task, state_key, states_url
from shallowsight.store.cells import Cell
from shallowsight.store.lease import lease
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.stage_task import StageTask
from shallowsight.store.store import Store

if TYPE_CHECKING:
    from shallowsight.observe.metrics.training import TrainingMetrics

_LEASE = 60.0  # seconds; so long after a holder died on another machine, somebody else may go on


OnFailure = Callable[[ShallowsightError], None]


def train_cell(
    task: StageTask,
    store: Store,
    processes: int | None,
    accumulation: int | None = None,
    on_failure: OnFailure = lambda error: None,
) -> Path:
    """The place of the trained cell; `processes` as train.launch takes it, `accumulation` as ProcessTask has it.

    `on_failure` hears of what fails in training before its metrics linger.

    Raises:
        LeaseHeld: another machine trains it, where states are shared.
        ConfigurationError: the environment asks for no number of threads, or of seconds between two states.
        ShallowsightError: see train.launch.
    """
    cell = task.cell

    def make(out: Path) -> None:
        from shallowsight.train.launch import launch
        from shallowsight.train.loop import UpdateRecord
        from shallowsight.train.texts import read_shortened

        progress = Progress(str(cell))
        # The store's own lock keeps others of this machine out; the states may be shared with other machines.
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
                    raise LeaseHeld(f"{cell}: another machine has taken this training over; it continues there")
                metrics.records_read(len(shortened().left_out), len(shortened().cut))
                metrics.update_done(record, updates)
                progress(record.update, updates, f"loss {record.loss:.3f}, {1 / record.seconds:.1f} updates/s")

            told = process_task(task, conditions, store, out, work)
            shortened = cache(partial(read_shortened, told))  # by the first update it is there
            launch(told, processes, show, metrics.state_kept)
        built.append(cell)

    conditions = Conditions.here(processes, accumulation)
    built: list[Cell] = []
    folder = store.build(cell, make)
    if built:  # else somebody may be at work there
        _remove_states(states_url(store), cell)
    return folder


def lend_processes(
    task: StageTask,
    store: Store,
    accumulation: int | None = None,
    on_failure: OnFailure = lambda error: None,
) -> None:
    """The part of a node that is not the first in the making of a cell; leaves nothing.

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
                # One node that ends takes all others along, also the first, which tells Prometheus why.
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


def _remove_states(url: str, cell: Cell) -> None:
    """The stage is done. The lease stays, released: nobody else's is ever deleted."""
    objects = open_objects(url)
    for key in objects.keys(f"{state_key(cell)}/update-"):
        objects.delete(key)
