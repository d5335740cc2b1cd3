"""Prometheus metrics of a training run, as a textfile that a node exporter collects."""

import time
from pathlib import Path

from shallowsight.errors import MissingPackage

_LABELS = ("study", "cell", "stage")
_EVERY = 5.0  # seconds between two writes


class TrainingMetrics:
    """Gauges and counters of one stage; `write` puts the file in place whole."""

    def __init__(self, path: Path, study: str, cell: str, stage: str) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge
        except ImportError:
            raise MissingPackage("prometheus-client", extra="train") from None
        self._path = path
        self._written = 0.0
        self._registry = CollectorRegistry()
        values = (study, cell, stage)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"shallowsight_train_{name}", text, _LABELS, registry=self._registry).labels(*values)

        def counter(name: str, text: str) -> Counter:
            return Counter(f"shallowsight_train_{name}", text, _LABELS, registry=self._registry).labels(*values)

        self._loss = gauge("loss_nats", "Mean cross-entropy of the last update over its supervised tokens.")
        self._rate = gauge("learning_rate", "Learning rate of the last update.")
        self._seconds = gauge("update_seconds", "Wall time of the last optimizer update.")
        self._planned = gauge("planned_updates", "Optimizer updates that the stage will have.")
        self._updates = counter("updates_total", "Optimizer updates done.")
        self._tokens = counter("tokens_total", "Text and image tokens seen by the language model.")

    def record(self, loss: float, learning_rate: float, seconds: float, tokens: int, planned: int) -> None:
        """One optimizer update."""
        self._loss.set(loss)
        self._rate.set(learning_rate)
        self._seconds.set(seconds)
        self._planned.set(planned)
        self._updates.inc()
        self._tokens.inc(tokens)
        if time.monotonic() - self._written > _EVERY:
            self.write()

    def write(self) -> None:
        from prometheus_client import write_to_textfile

        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(self._path), self._registry)
        self._written = time.monotonic()
