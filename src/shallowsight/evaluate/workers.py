"""Several processes that answer the batches of one evaluation, each with the model on a device of its own."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import islice
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

from shallowsight.errors import ShallowsightError
from shallowsight.evaluate import worker
from shallowsight.evaluate.answerer import Question, TrainedFiles
from shallowsight.evaluate.seen_pictures import Seen
from shallowsight.store.failures import failure_of

_AHEAD = 2  # batches that a worker has at a time, so that it need not wait for the next one
_LOOK = 32  # batches among which the next one is chosen

Batch = Sequence[Question]


class Workers:
    """Processes that end with `close`, and with this process, however it ends."""

    def __init__(self, files: TrainedFiles, devices: Sequence[str], threads: int) -> None:
        """Start one process for each device; it computes with so many threads."""
        self._workers: list[_Worker] = []
        try:
            for device in devices:
                self._workers.append(_Worker(files, device, threads))
        except BaseException:
            self.close()
            raise

    @property
    def processes(self) -> list[int]:
        """Their numbers."""
        return [each.process.pid for each in self._workers]

    @property
    def closed(self) -> bool:
        """Whether they have ended."""
        return not self._workers

    def answer(self, batches: Sequence[Batch]) -> Iterator[tuple[int, list[str]]]:
        """The number of each batch and its answers, as they come. Closes the workers if not all are taken.

        Raises:
            ShallowsightError: a worker failed, with its reason, or has ended.
        """
        assert self._workers, "they are closed"
        waiting = dict(enumerate(batches))
        left = len(batches)
        try:
            while left:
                for each in self._workers:
                    while waiting and each.ready and each.under_way < _AHEAD:
                        number = best_of(waiting, each.seen)
                        each.send(number, waiting.pop(number))
                for connection in wait([each.connection for each in self._workers]):
                    each = next(each for each in self._workers if each.connection is connection)
                    if (answered := each.receive()) is not None:
                        left -= 1
                        yield answered
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the processes at once."""
        for each in self._workers:
            each.process.kill()
        for each in self._workers:
            each.process.wait()
            each.connection.close()
        self._workers = []


class _Worker:
    """One of the processes, as this process sees it."""

    def __init__(self, files: TrainedFiles, device: str, threads: int) -> None:
        self.connection: Connection[Any, Any]
        self.connection, theirs = Pipe()
        # A group of its own: Ctrl-C in a terminal reaches this process only, which ends the others. `-P`, because the
        # current folder may be a benchmark's, whose files are no modules of ours.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", worker.__name__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            process_group=0,
        )
        theirs.close()  # with no other end open here, the end of the process ends the connection
        self.ready, self.under_way = False, 0
        self.seen: set[str] = set()  # the pictures that it was sent
        self._device = device
        self._send(((files.checkpoint, files.features, files.tower, files.kept), device, threads))

    def send(self, number: int, batch: Batch) -> None:
        self._send((number, batch))
        self.under_way += 1
        self.seen |= _pictures(batch)

    def receive(self) -> tuple[int, list[str]] | None:
        """A batch's number and its answers; None for another message."""
        try:
            kind, *rest = self.connection.recv()
        except (EOFError, OSError):
            raise self._ended() from None
        if kind == worker.FAILED:
            raise failure_of(*rest)
        if kind == worker.READY:
            self.ready = True
            return None
        self.under_way -= 1
        number, texts = rest
        return number, texts

    def _send(self, message: object) -> None:
        try:
            self.connection.send(message)
        except BrokenPipeError:
            raise self._ended() from None

    def _ended(self) -> ShallowsightError:
        status = self.process.wait()
        why = (
            f"was ended by signal {-status}; is there enough memory?" if status < 0 else f"ended with status {status}."
        )
        return ShallowsightError(
            f"a process that answers questions on {self._device} {why} The answers so far are kept: the same command "
            "asks what is missing"
        )


def best_of(waiting: Mapping[int, Batch], seen: Set[str]) -> int:
    """The number of the first batch with most pictures that were seen, among the first ones of those that wait."""
    near = islice(waiting, _LOOK)
    return max(near, key=lambda number: len(seen & _pictures(waiting[number])))


def _pictures(batch: Batch) -> set[str]:
    return {question.picture.key for question in batch if isinstance(question.picture, Seen)}
