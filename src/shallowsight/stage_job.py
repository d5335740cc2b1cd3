"""What the training of a stage is told, from the study, the store and the environment."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.cells import Cell, Resolved, encode_cell, prepare_cell, stage_cell
from shallowsight.services.store import Store
from shallowsight.settings import Setting
from shallowsight.training_states import STATES

if TYPE_CHECKING:
    from shallowsight.train.job import StageJob

_READERS = 4  # processes that decode pictures for each GPU, as the public code has


def stage_job(
    resolved: Resolved,
    setting: Setting,
    cell: Cell,
    store: Store,
    out: Path,
    work: Path,
    save_seconds: float,
    accumulation: int | None,
    threads: int,
) -> "StageJob":
    """The job that makes a cell in `out`, with so many threads in each process; brings what it reads here."""
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
        threads=threads,
        accumulation=accumulation,
        # On a CPU they would take from the training what they give it.
        workers=_READERS if torch.cuda.is_available() else 0,
        states=states_url(store),
        state_key=state_key(cell),
        save_seconds=save_seconds,
        study=resolved.study.name,
        cell=cell.digest,
    )


def feature_folders(resolved: Resolved, setting: Setting, store: Store) -> tuple[Path, ...] | None:
    """Of the cached features that a setting reads, one per layer; None where they are not cached."""
    if not resolved.cache_features:
        return None
    return tuple(store.folder(encode_cell(resolved, layer)) for layer in setting.layers)


def states_url(store: Store) -> str:
    """Where the states of unfinished trainings are kept."""
    return os.environ.get(STATES, store.url)


def state_key(cell: Cell) -> str:
    """What the keys of a cell's states begin with."""
    return f"training_state/{cell.digest}"
