"""Keeps a running stage resumable: a state every so often, and one more before it obeys a stop."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from shallowsight.errors import Interrupted
from shallowsight.store.computation import Computation
from shallowsight.train.engine import Engine
from shallowsight.train.loop import UpdateRecord
from shallowsight.train.processes import Processes
from shallowsight.train.state import SavedStates

log = logging.getLogger(__name__)

OnState = Callable[[int, bool], None]  # after which update, and whether the state could be saved


@dataclass
class StopRequest:
    """Set by SIGTERM and SIGINT, read between two updates."""

    asked: bool = False


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Turn both signals into a request for as long as the block runs (only the main thread may)."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def ask(number: int, frame: object) -> None:
        request.asked = True

    previous = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class Keeper:
    """Saves the state of one stage while it runs; without a place to save to it only obeys."""

    def __init__(
        self,
        engine: Engine,
        states: SavedStates | None,
        processes: Processes,
        stop: StopRequest,
        every: float,
        records: list[UpdateRecord],
        computed: Sequence[Computation],
        on_state: OnState,
    ) -> None:
        """`every` is the seconds between two states; `records` are of the updates done already, `computed` of all."""
        self._engine, self._states, self._processes = engine, states, processes
        self._stop, self._every, self._on_state = stop, every, on_state
        self._saved_at = time.monotonic()
        self._computed = computed
        self.records = records

    def after_update(self, record: UpdateRecord, updates: int) -> None:
        """Raises Interrupted when a stop was asked for, of any process; what is done is saved."""
        self.records.append(record)
        if record.update == updates:
            return
        due = self._processes.leads and time.monotonic() - self._saved_at > self._every
        stop, due = self._processes.any(self._stop.asked, due)
        if stop or due:
            saved = self._save()
            if stop:
                where = f"saved after update {record.update} of {updates}; the same command continues there"
                raise Interrupted(f"stopped, {where if saved else 'without a state of this moment'}")

    def _save(self) -> bool:
        if self._states is None:
            return False
        saved = self._states.save(self.records, self._computed, self._engine.state())
        self._on_state(len(self.records), saved)
        self._saved_at = time.monotonic()  # also after a failure: the next try is as far away
        return saved
