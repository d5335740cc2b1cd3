"""The metrics of one running training stage."""

import platform
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from shallowsight.errors import MissingPackage
from shallowsight.observe.metrics.exposition import Endpoint, Exposition
from shallowsight.observe.metrics.linger import is_failure
from shallowsight.observe.metrics.names import (
    BUCKETS,
    COUNTERS,
    FAILED,
    FAILED_TEXT,
    GAUGES,
    LABELS,
    NODE_GAUGES,
    OTHER_REASON,
    PREFIX,
    REASON,
    REASONS,
)

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge

_RECENT = 20  # updates over which the gauges for speed are computed


class Update(Protocol):
    """The facts of one optimizer update; counts are over all processes."""

    @property
    def update(self) -> int: ...  # its number, from 1
    @property
    def loss(self) -> float: ...  # nats
    @property
    def learning_rate(self) -> float: ...
    @property
    def seconds(self) -> float: ...
    @property
    def waited(self) -> float: ...  # the part of `seconds` spent waiting for data
    @property
    def tokens(self) -> int: ...
    @property
    def sample_count(self) -> int: ...
    @property
    def operations(self) -> float: ...
    @property
    def peak(self) -> float: ...  # operations per second that the devices can do; 0: unknown
    @property
    def memory(self) -> int: ...  # bytes
    @property
    def device_memory(self) -> int: ...  # bytes; 0 without a GPU


class TrainingMetrics:
    """Publishes metrics as a textfile, at an endpoint, or both, as long as its `with` block runs; the textfile stays.

    An error that leaves the block is reported as the reason why the training failed.
    """

    def __init__(
        self,
        study: str,
        cell: str,
        stage: str,
        *,
        textfile: Path | None = None,
        endpoint: Endpoint | None = None,
        leads: bool = True,
    ) -> None:
        """`leads` is False on all nodes but the first."""
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
        except ImportError:
            raise MissingPackage("prometheus-client", extra="train") from None
        disable_created_metrics()  # type: ignore[no-untyped-call]
        registry = CollectorRegistry()
        self._values = (study, cell, stage, platform.node())
        self._leads = leads
        self._gauges, self._counters = dict[str, "Gauge"](), dict[str, "Counter"]()
        for name, text in (GAUGES | NODE_GAUGES if leads else NODE_GAUGES).items():
            self._gauges[name] = Gauge(f"{PREFIX}{name}", text, LABELS, registry=registry)
        if leads:
            for name, text in COUNTERS.items():
                self._counters[name] = Counter(f"{PREFIX}{name}", text, LABELS, registry=registry)
                if name != "updates_total":  # not initialised to 0: a resume would look like that many new updates
                    self._count(name, 0)
            self._failed = Gauge(f"{PREFIX}{FAILED}", FAILED_TEXT, (*LABELS, REASON), registry=registry)
            text = "Wall time of the optimizer updates."
            timed = Histogram(f"{PREFIX}update_seconds", text, LABELS, buckets=BUCKETS, registry=registry)
            self._seconds = timed.labels(*self._values)
        self._recent: deque[Update] = deque(maxlen=_RECENT)
        self._reached = 0
        self._exposition = Exposition(registry, textfile, endpoint)

    def __enter__(self) -> "TrainingMetrics":
        self._set("running", 1)
        if self._leads:
            self._set("started_timestamp_seconds", time.time())
        self._exposition.show_now()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._set("running", 0)
        failure = error if self._leads and is_failure(error) else None
        if failure is not None:
            reason = next((name for known, name in REASONS.items() if isinstance(failure, known)), OTHER_REASON)
            self._failed.labels(*self._values, reason).set(1)
        self._exposition.close(failure)

    def records_read(self, left_out: int, cut: int) -> None:
        """Set the numbers of records that were left out and cut."""
        if self._leads:
            self._set("left_out_records", left_out)
            self._set("cut_records", cut)

    def update_done(self, done: Update, planned: int) -> None:
        """Count one optimizer update of `planned` ones."""
        self._set("peak_memory_bytes", done.memory)
        if done.device_memory:
            self._set("peak_device_memory_bytes", done.device_memory)
        self._set("last_update_timestamp_seconds", time.time())
        if self._leads:
            self._of_the_run(done, planned)
        self._exposition.show()

    def state_kept(self, update: int, saved: bool) -> None:
        """Note that the state after `update` was saved, or could not be saved."""
        if not self._leads:
            return
        if saved:
            self._set("saved_update", update)
            self._set("saved_timestamp_seconds", time.time())
        else:
            self._count("state_save_failures_total", 1)

    def _of_the_run(self, done: Update, planned: int) -> None:
        self._set("loss_nats", done.loss)
        self._set("learning_rate", done.learning_rate)
        self._set("planned_updates", planned)
        # After a lack of memory the updates since the last saved state are repeated, and must not count twice.
        self._count("updates_total", max(0, done.update - self._reached))
        self._reached = max(self._reached, done.update)
        self._count("tokens_total", done.tokens)
        self._count("samples_total", done.sample_count)
        self._count("data_wait_seconds_total", done.waited)
        self._count("operations_total", done.operations)
        self._seconds.observe(done.seconds)
        self._recent.append(done)
        seconds = sum(each.seconds for each in self._recent)
        self._set("tokens_per_second", sum(each.tokens for each in self._recent) / seconds)
        self._set("samples_per_second", sum(each.sample_count for each in self._recent) / seconds)
        self._set("data_wait_share", sum(each.waited for each in self._recent) / seconds)
        if done.peak:
            self._set("peak_operations_per_second", done.peak)
            self._set("mfu", sum(each.operations for each in self._recent) / seconds / done.peak)

    def _set(self, name: str, value: float) -> None:
        self._gauges[name].labels(*self._values).set(value)

    def _count(self, name: str, more: float) -> None:
        self._counters[name].labels(*self._values).inc(more)
