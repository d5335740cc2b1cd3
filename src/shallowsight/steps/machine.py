"""This machine's share for a step: its cores and its scratch space."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shallowsight.model.threads import threads_for
from shallowsight.store.store import Store

MEMBERS_AT_ONCE = "SHALLOWSIGHT_MEMBERS_AT_ONCE"  # how many trainings share this machine; set by a local run


@contextmanager
def scratch(store: Store) -> Iterator[Path]:
    """A folder on the store's own disk, gone afterwards."""
    parent = store.root / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)


def use_all_cores() -> None:
    """Compute with them from now on, or with as many threads as the environment asks for.

    Raises:
        ConfigurationError: it asks for no number of threads.
    """
    import torch

    torch.set_num_threads(threads_for(1))


def share_cores() -> None:
    """The same, with the other members of a study that are at work on this machine."""
    import torch

    torch.set_num_threads(member_threads(1))


def member_threads(processes: int | None) -> int:
    """Of each of the processes that a member of a study has on this machine; None: as many as torchrun is told."""
    if processes is None:
        processes = int(os.environ.get("PET_NPROC_PER_NODE", "1"))
    return threads_for(processes * int(os.environ.get(MEMBERS_AT_ONCE, "1")))
