"""Batches made ahead, beside the computation: torch's DataLoader over our own order."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader

from shallowsight.data.batches import Batch, Batches, MicroBatches, Share
from shallowsight.errors import ShallowsightError

_AHEAD = 2  # micro-batches that each worker has ready


class Loader:
    """The micro-batches of one process from an update on, in order; `waited` is the time spent for the last ones."""

    def __init__(self, batches: Batches, share: Share, first: int, updates: int, workers: int) -> None:
        """`first` updates are done already; `workers` processes read ahead, with 0 the batches are made when asked."""
        self._accumulation = share.accumulation
        self._loader = DataLoader(
            MicroBatches(batches, share),
            batch_size=None,
            sampler=range(first * share.accumulation, updates * share.accumulation),
            num_workers=workers,
            multiprocessing_context="fork" if workers else None,  # open files and functions do not travel otherwise
            prefetch_factor=_AHEAD if workers else None,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_leave_group,
        )
        handler = signal.getsignal(signal.SIGCHLD)
        self._numbers = iter(self._loader)
        if threading.current_thread() is threading.main_thread():
            # torch's own raises wherever this process happens to be; next() finds a dead worker too, if seconds later.
            signal.signal(signal.SIGCHLD, handler)
        self.waited = 0.0  # seconds, of the last update

    def next_update(self) -> Iterator[Batch]:
        """The micro-batches of the next update.

        Raises:
            ShallowsightError: a worker died, or could not read what it should.
        """
        self.waited = 0.0
        for _ in range(self._accumulation):
            started = time.perf_counter()
            try:
                batch = next(self._numbers)
            except ShallowsightError as error:
                raise type(error)(_own_words(str(error))) from None
            except (RuntimeError, EOFError, ConnectionError) as error:
                if not self._from_a_dead_worker(error):
                    raise
                raise ShallowsightError(
                    f"a data worker died ({str(error) or 'its batch broke off'}); if its machine ran out of memory, "
                    "use fewer workers"
                ) from None
            self.waited += time.perf_counter() - started
            yield batch

    def _from_a_dead_worker(self, error: Exception) -> bool:
        """torch has no type of its own for it; a fault of ours in a worker arrives as "Caught ..."."""
        if isinstance(error, RuntimeError):
            return str(error).startswith("DataLoader worker (pid")
        # It died while it handed a batch over, and torch did not see it yet.
        return self._loader.num_workers > 0 and not str(error).startswith("Caught ")


def _own_words(said: str) -> str:
    """Of a fault in a worker, which arrives with "Caught ..." and its traceback, the last line without the type."""
    return said.rstrip().rpartition("\n")[2].partition(": ")[2] if said.startswith("Caught ") else said


def _leave_group(_: int) -> None:
    """torchrun stops the whole group of a process, which must still end its update and save."""
    os.setpgid(0, 0)
