"""What a step may use of this machine: the number of threads, and a temporary folder."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shallowsight.errors import ConfigurationError
from shallowsight.model.threads import threads_for
from shallowsight.store.store import Store

ANSWERING = "SHALLOWSIGHT_ANSWERING_PROCESSES"  # how many answer for one evaluation; unset: one for each GPU
MEMBERS_AT_ONCE = "SHALLOWSIGHT_MEMBERS_AT_ONCE"  # how many trainings share this machine; set by a local run
_MOST = 64


@contextmanager
def scratch(store: Store) -> Iterator[Path]:
    """A temporary folder on the store's own disk, deleted when the block ends."""
    parent = store.root / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)


def use_all_cores() -> None:
    """Set torch's threads to the number of cores, or to the number that the environment asks for.

    Raises:
        ConfigurationError: the environment's value is not a number of threads.
    """
    import torch

    torch.set_num_threads(threads_for(1))


def share_cores(processes: int = 1) -> None:
    """Like `use_all_cores`, but divide the cores among the members of a study that run on this machine.

    Args:
        processes: of this member that compute at once, each with this number of threads.
    """
    import torch

    torch.set_num_threads(member_threads(processes))


def answering_processes() -> int:
    """How many processes answer the questions of an evaluation: what is asked for, else one for each visible GPU.

    The members of a study that run on this machine divide the GPUs.

    Raises:
        ConfigurationError: as `asked_to_answer`.
    """
    import torch

    return asked_to_answer() or max(1, torch.cuda.device_count() // _members())


def asked_to_answer() -> int | None:
    """The environment's number of processes that answer; None where it names none.

    Raises:
        ConfigurationError: the environment's value is not a number of processes.
    """
    asked = os.environ.get(ANSWERING)
    if asked is None:
        return None
    if not (asked.isascii() and asked.isdecimal() and 1 <= int(asked) <= _MOST):
        raise ConfigurationError(
            f"{ANSWERING}={asked!r}: write how many processes answer the questions of an evaluation, 1 to {_MOST}, or "
            "leave it unset: one for each GPU, and one where there is none"
        )
    return int(asked)


def member_threads(processes: int | None) -> int:
    """Threads for each process of one member of a study on this machine.

    Args:
        processes: of this member; None takes the number that torchrun is told.
    """
    if processes is None:
        processes = int(os.environ.get("PET_NPROC_PER_NODE", "1"))
    return threads_for(processes * _members())


def _members() -> int:
    return int(os.environ.get(MEMBERS_AT_ONCE, "1"))
