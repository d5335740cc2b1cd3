"""This machine's share for a step: its cores and its scratch space."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shallowsight.services.store import Store

MEMBERS_AT_ONCE = "SHALLOWSIGHT_MEMBERS_AT_ONCE"  # how many trainings share this machine; set by a local run


@contextmanager
def scratch(store: Store) -> Iterator[Path]:
    """A folder on the store's own disk, gone afterwards."""
    parent = store.root / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)


def use_all_cores() -> None:
    import torch

    torch.set_num_threads(_cores())


def share_cores() -> None:
    """With the other trainings of this machine."""
    import torch

    torch.set_num_threads(max(1, _cores() // int(os.environ.get(MEMBERS_AT_ONCE, "1"))))


def _cores() -> int:
    return len(os.sched_getaffinity(0))
