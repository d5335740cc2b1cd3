"""The training step: one stage of one experiment, under a lease, with metrics, from its last saved state."""

import math
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.cells import Cell, Resolved, encode_cell, prepare_cell, stage_cell
from shallowsight.config import StageName
from shallowsight.errors import ConfigurationError, LeaseHeld, ShallowsightError
from shallowsight.machine import scratch, share_cores
from shallowsight.services.lease import lease
from shallowsight.services.objects import open_objects
from shallowsight.services.progress import Progress
from shallowsight.services.store import Store
from shallowsight.settings import Setting

if TYPE_CHECKING:
    from shallowsight.services.metrics.training import TrainingMetrics
    from shallowsight.train.job import StageJob

STATES = "SHALLOWSIGHT_STATES"  # where unfinished trainings are kept, if not in the store: file:// or s3://
SAVE_SECONDS = "SHALLOWSIGHT_SAVE_SECONDS"  # between two states of a training
_SAVE_SECONDS = 600.0
_LEASE = 60.0  # seconds; so long after a holder died on another machine, somebody else may go on
_READERS = 4  # processes that decode pictures for each GPU, as the public code has


OnFailure = Callable[[ShallowsightError], None]


def train_cell(
    resolved: Resolved,
    setting: Setting,
    seed: int,
    stage: StageName,
    store: Store,
    processes: int | None,
    accumulation: int | None = None,
    on_failure: OnFailure = lambda error: None,
) -> Path:
    """The place of the trained cell; `processes` as train.launch takes it, `accumulation` as StageJob has it.

    `on_failure` hears of what fails in training before its metrics linger.

    Raises:
        LeaseHeld: another machine trains it, where states are shared.
        ShallowsightError: see train.launch.
    """
    cell = stage_cell(resolved, setting, seed, stage)

    def make(out: Path) -> None:
        from shallowsight.train.launch import launch
        from shallowsight.train.loop import UpdateRecord

        share_cores()
        progress = Progress(str(cell))
        # The store's own lock keeps others of this machine out; the states may be shared with other machines.
        owner = f"{cell} on {platform.node()}"
        with (
            lease(open_objects(_states(store)), f"{_key(cell)}/lease", owner, _LEASE, wait=1.5 * _LEASE) as held,
            scratch(store) as work,
            _metrics(resolved, cell, store) as metrics,
            _telling(on_failure),
        ):

            def show(record: UpdateRecord, updates: int) -> None:
                if held.lost.is_set():
                    raise LeaseHeld(f"{cell}: another machine has taken this training over; it continues there")
                metrics.update_done(record, updates)
                progress(record.update, updates, f"loss {record.loss:.3f}, {1 / record.seconds:.1f} updates/s")

            job = _job(resolved, setting, cell, store, out, work, seconds, accumulation)
            launch(job, processes, show, metrics.state_kept)
        built.append(cell)

    seconds = _save_seconds()
    built: list[Cell] = []
    folder = store.build(cell, make)
    if built:  # else somebody may be at work there
        _remove_states(_states(store), cell)
    return folder


def lend_processes(
    resolved: Resolved,
    setting: Setting,
    seed: int,
    stage: StageName,
    store: Store,
    accumulation: int | None = None,
    on_failure: OnFailure = lambda error: None,
) -> None:
    """The part of a node that is not the first in the making of a cell; leaves nothing.

    Raises:
        ShallowsightError: see train.launch.
    """
    from shallowsight.services.metrics.exposition import Endpoint
    from shallowsight.services.metrics.linger import linger, seconds_for
    from shallowsight.train.launch import lend

    endpoint = Endpoint.from_environment()
    with scratch(store) as work:
        out = work / "out"
        out.mkdir()
        cell = stage_cell(resolved, setting, seed, stage)
        try:
            with _telling(on_failure):
                lend(_job(resolved, setting, cell, store, out, work, _save_seconds(), accumulation))
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


def _job(
    resolved: Resolved,
    setting: Setting,
    cell: Cell,
    store: Store,
    out: Path,
    work: Path,
    save_seconds: float,
    accumulation: int | None,
) -> "StageJob":
    import torch

    from shallowsight.train.job import StageJob

    assert cell.seed is not None
    pretrained = stage_cell(resolved, setting, cell.seed, "pretrain")
    return StageJob(
        experiment=resolved.base.at(setting, cell.seed),
        tower=resolved.tower,
        stage="finetune" if cell.step == "finetune" else "pretrain",
        data=store.folder(prepare_cell(resolved)),
        feature_folders=feature_folders(resolved, setting, store),
        start=store.folder(pretrained) if cell != pretrained else None,
        out=out,
        work=work,
        accumulation=accumulation,
        # On a CPU they would take from the training what they give it.
        workers=_READERS if torch.cuda.is_available() else 0,
        states=_states(store),
        state_key=_key(cell),
        save_seconds=save_seconds,
        study=resolved.study.name,
        cell=cell.digest,
    )


def feature_folders(resolved: Resolved, setting: Setting, store: Store) -> tuple[Path, ...] | None:
    """Of the cached features that a setting reads, one per layer; None where they are not cached."""
    if not resolved.cache_features:
        return None
    return tuple(store.folder(encode_cell(resolved, layer)) for layer in setting.layers)


def _metrics(resolved: Resolved, cell: Cell, store: Store) -> "TrainingMetrics":
    from shallowsight.services.metrics.exposition import Endpoint
    from shallowsight.services.metrics.training import TrainingMetrics

    return TrainingMetrics(
        resolved.study.name,
        cell.digest,
        cell.step,
        textfile=store.root / "metrics" / f"{cell.digest}.prom",
        endpoint=Endpoint.from_environment(),
    )


def _states(store: Store) -> str:
    return os.environ.get(STATES, store.url)


def _key(cell: Cell) -> str:
    return f"training_state/{cell.digest}"


def _save_seconds() -> float:
    text = os.environ.get(SAVE_SECONDS, str(_SAVE_SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise ConfigurationError(f"{SAVE_SECONDS}={text!r}: write the seconds between two states, for instance 600")
    return seconds


def _remove_states(url: str, cell: Cell) -> None:
    """The stage is done. The lease stays, released: nobody else's is ever deleted."""
    objects = open_objects(url)
    for key in objects.keys(f"{_key(cell)}/update-"):
        objects.delete(key)
