"""How many threads a process computes with.

Their number can change a sum's last digit, so it is always set, never left to chance.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from shallowsight.errors import ConfigurationError

THREADS = "SHALLOWSIGHT_THREADS"  # of each process; unset: its share of the machine's cores
MOST = 1024


def threads_for(processes: int) -> int:
    """What is asked for, else the share of one of so many processes that compute on this machine at once.

    Raises:
        ConfigurationError: what is asked for is no number of threads.
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
    """torch computes with so many threads in the block; more than there are cores is slow, and legal."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
