"""Saves the state of a running stage: at regular intervals, and before the stage ends because of a signal."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from shallowsight.data.learning import Point
from shallowsight.errors import Interrupted
from shallowsight.store.computation import Computation
from shallowsight.train.engine import Engine
from shallowsight.train.loop import UpdateRecord
from shallowsight.train.processes import Processes
from shallowsight.train.schedule import Schedule
from shallowsight.train.state import SavedStates

log = logging.getLogger(__name__)

OnState = Callable[[int, bool], None]  # the number of updates done, and whether the state could be saved


@dataclass
class StopRequest:
    """Whether SIGTERM or SIGINT has arrived; the training reads it between two updates."""

    asked: bool = False


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Turn SIGTERM and SIGINT into a request while the block runs; does nothing outside the main thread."""
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
    """Saves the state of one stage while it runs and ends the stage on request; without `states` it saves nothing.

    The state at the end of the trunk goes to `trunk`, for the longer trainings that go on from there.
    """

    def __init__(
        self,
        engine: Engine,
        states: SavedStates | None,
        trunk: SavedStates | None,
        schedule: Schedule,
        processes: Processes,
        stop: StopRequest,
        every: float,
        records: list[UpdateRecord],
        points: Sequence[Point],
        computed: Sequence[Computation],
        on_state: OnState,
    ) -> None:
        """Takes the conditions of the running stage.

        Args:
            every: seconds between two saved states.
            records: those of the updates that are done already.
            points: measured so far; others add to them while the stage runs.
            computed: the conditions under which all updates are computed, as in Saved.
        """
        self._engine, self._states, self._processes = engine, states, processes
        self._trunk, self._schedule = trunk, schedule
        self._stop, self._every, self._on_state = stop, every, on_state
        self._saved_at = time.monotonic()
        self._points, self._computed = points, computed
        self.records = records

    def after_update(self, record: UpdateRecord) -> None:
        """Save the state if it is time; raises Interrupted, after saving, if any process got a signal to stop."""
        self.records.append(record)
        updates = self._schedule.updates
        if record.update == self._schedule.trunk and self._trunk is not None:
            self._trunk.save(self.records, self._points, self._computed, self._engine.state())
        if record.update == updates:
            return
        due = self._processes.leads and time.monotonic() - self._saved_at > self._every
        stop, due = self._processes.any(self._stop.asked, due)
        if stop or due:
            saved = self._save()
            if stop:
                where = f"saved after update {record.update} of {updates}; the same command continues there"
                raise Interrupted(f"stopped, {where if saved else 'and the state after the last update was not saved'}")

    def _save(self) -> bool:
        if self._states is None:
            return False
        saved = self._states.save(self.records, self._points, self._computed, self._engine.state())
        self._on_state(len(self.records), saved)
        self._saved_at = time.monotonic()  # also after a failure: the next try comes after the same interval
        return saved
