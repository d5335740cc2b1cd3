"""Prepare batches ahead, parallel to the computation: torch's DataLoader over the order of data/order.py."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader

from shallowsight.data.batches import Batch, Batches, MicroBatches, Share
from shallowsight.errors import ShallowsightError

_AHEAD = 2  # micro-batches that each worker prepares ahead


class Loader:
    """The micro-batches of one process from a given update on; `waited` is the waiting time in the last update."""

    def __init__(self, batches: Batches, share: Share, first: int, updates: int, workers: int) -> None:
        """`first` updates are done already. `workers` processes read ahead; with 0 this process makes the batches."""
        self._accumulation = share.accumulation
        self._loader = DataLoader(
            MicroBatches(batches, share),
            batch_size=None,
            sampler=range(first * share.accumulation, updates * share.accumulation),
            num_workers=workers,
            multiprocessing_context="fork" if workers else None,  # open files and functions cannot be pickled
            prefetch_factor=_AHEAD if workers else None,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_leave_group,
        )
        handler = signal.getsignal(signal.SIGCHLD)
        self._numbers = iter(self._loader)
        if threading.current_thread() is threading.main_thread():
            # torch's handler would raise at any place in this process's code; next() notices a dead worker too, only
            # seconds later.
            signal.signal(signal.SIGCHLD, handler)
        self.waited = 0.0  # seconds in the last update

    def next_update(self) -> Iterator[Batch]:
        """The micro-batches of the next update.

        Raises:
            ShallowsightError: a worker died, or could not read a picture or a record.
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
        """Whether an error means that a worker died, for which torch has no error type.

        An error that this package raised in a worker arrives with a message that begins with "Caught".
        """
        if isinstance(error, RuntimeError):
            return str(error).startswith("DataLoader worker (pid")
        # The worker died while it sent a batch, and torch has not noticed its death yet.
        return self._loader.num_workers > 0 and not str(error).startswith("Caught ")


def _own_words(said: str) -> str:
    """The message of an error in a worker: torch puts "Caught ..." and a traceback before it."""
    return said.rstrip().rpartition("\n")[2].partition(": ")[2] if said.startswith("Caught ") else said


def _leave_group(_: int) -> None:
    """Put a worker into its own process group.

    torchrun sends its signal to the whole group of a training process, which still needs its workers to finish the
    update and save.
    """
    os.setpgid(0, 0)
