"""The number of threads that a process computes with.

The number can change the last digit of a sum, so it is always set explicitly.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from shallowsight.errors import ConfigurationError

THREADS = "SHALLOWSIGHT_THREADS"  # threads of each process; unset: the process's share of the machine's cores
MOST = 1024


def threads_for(processes: int) -> int:
    """Threads for one of `processes` processes that compute on this machine at once.

    The environment's number if there is one, otherwise the process's share of the cores.

    Raises:
        ConfigurationError: the environment's value is not a number of threads.
    """
    asked = os.environ.get(THREADS)
    if asked is None:
        return max(1, len(os.sched_getaffinity(0)) // processes)
    if not (asked.isascii() and asked.isdecimal() and 1 <= int(asked) <= MOST):
        raise ConfigurationError(
            f"{THREADS}={asked!r}: write with how many threads each process computes, 1 to {MOST}, or leave it unset: "
            "each then has its share of the machine's cores"
        )
    return int(asked)


@contextmanager
def threads_of(number: int) -> Iterator[None]:
    """Let torch compute with `number` threads in the block; more threads than cores are slow, but allowed."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
