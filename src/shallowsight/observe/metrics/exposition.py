"""Publish metrics: in a textfile for a node exporter, and at an endpoint that Prometheus scrapes.

A failure here never fails a training: it is logged once, and the attempt is repeated.
"""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.observe.metrics.linger import linger, linger_seconds, seconds_for

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

log = logging.getLogger(__name__)

PORT, ADDRESS = "SHALLOWSIGHT_METRICS_PORT", "SHALLOWSIGHT_METRICS_ADDRESS"
_LOCAL = "127.0.0.1"
_EVERY = 5.0  # seconds between two writes, and between two tries to open the port


@dataclass(frozen=True)
class Endpoint:
    """Address and port of the metrics; after a failed training they are served for `linger` more seconds."""

    address: str
    port: int
    linger: float = 0.0

    @classmethod
    def from_environment(cls) -> "Endpoint | None":
        """The endpoint that the environment names; None when it names no port."""
        text = os.environ.get(PORT) or "0"
        if text == "0":
            return None
        if not text.isdecimal() or int(text) > 65535:
            # Not an error: for a Service named shallowsight-metrics, Kubernetes itself sets this variable to a URL.
            log.warning("%s=%s is not a port number from 1 to 65535: metrics are not served", PORT, text)
            return None
        return cls(os.environ.get(ADDRESS) or _LOCAL, int(text), linger_seconds())


class Exposition:
    """Publishes the metrics of a registry."""

    def __init__(self, registry: "CollectorRegistry", textfile: Path | None, endpoint: Endpoint | None) -> None:
        self._registry, self._textfile, self._endpoint = registry, textfile, endpoint
        self._shown = -_EVERY
        self._warned: set[str] = set()
        self._close_endpoint: Callable[[], None] | None = None

    def show(self) -> None:
        """Publish the metrics, unless that was done a few seconds ago."""
        if time.monotonic() - self._shown > _EVERY:
            self.show_now()

    def show_now(self) -> None:
        self._shown = time.monotonic()
        if self._textfile is not None:
            self._write(self._textfile)
        if self._endpoint is not None and self._close_endpoint is None:
            self._open(self._endpoint)

    def close(self, failure: BaseException | None) -> None:
        """Stop serving, after lingering if the training failed; the textfile stays."""
        self.show_now()
        if self._close_endpoint is not None:
            seconds = seconds_for(failure, self._endpoint.linger) if self._endpoint is not None else 0.0
            if seconds:
                log.info("metrics are served for %.0f more seconds, or until SIGTERM", seconds)
                linger(seconds)
            self._close_endpoint()
            self._close_endpoint = None

    def _write(self, path: Path) -> None:
        from prometheus_client import write_to_textfile

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_to_textfile(str(path), self._registry)
        except OSError as error:
            self._warn(f"the metrics cannot be written to {path} ({error}); training goes on")

    def _open(self, endpoint: Endpoint) -> None:
        from prometheus_client import start_http_server

        try:
            server, thread = start_http_server(endpoint.port, endpoint.address, self._registry)
        except OSError as error:
            # Tried again later: the process that has the port (another training, or this one before a restart) may end.
            self._warn(f"metrics are not served at {endpoint.address}:{endpoint.port} yet ({error}); training goes on")
            return
        log.info("metrics: http://%s:%d/metrics", endpoint.address, endpoint.port)

        def close() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        self._close_endpoint = close

    def _warn(self, message: str) -> None:
        what = message.partition("(")[0]
        if what not in self._warned:
            self._warned.add(what)
            log.warning("%s", message)
