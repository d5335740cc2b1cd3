"""How metrics leave the process: a textfile for a node exporter, an endpoint that Prometheus scrapes.

Neither can fail a training: what goes wrong is said once, and tried again.
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
    """Where Prometheus finds the metrics, those of a failed training for `linger` more seconds."""

    address: str
    port: int
    linger: float = 0.0

    @classmethod
    def from_environment(cls) -> "Endpoint | None":
        """None when no port is named."""
        text = os.environ.get(PORT) or "0"
        if text == "0":
            return None
        if not text.isdecimal() or int(text) > 65535:
            # No reason to refuse a training: of a Service named shallowsight-metrics, Kubernetes itself makes such one.
            log.warning("%s=%s is no port number from 1 to 65535: metrics are not served", PORT, text)
            return None
        return cls(os.environ.get(ADDRESS) or _LOCAL, int(text), linger_seconds())


class Exposition:
    """Shows what a registry holds, as often as it is asked to but not more than every few seconds."""

    def __init__(self, registry: "CollectorRegistry", textfile: Path | None, endpoint: Endpoint | None) -> None:
        self._registry, self._textfile, self._endpoint = registry, textfile, endpoint
        self._shown = -_EVERY
        self._warned: set[str] = set()
        self._close_endpoint: Callable[[], None] | None = None

    def show(self) -> None:
        """Now and then."""
        if time.monotonic() - self._shown > _EVERY:
            self.show_now()

    def show_now(self) -> None:
        self._shown = time.monotonic()
        if self._textfile is not None:
            self._write(self._textfile)
        if self._endpoint is not None and self._close_endpoint is None:
            self._open(self._endpoint)

    def close(self, failure: BaseException | None) -> None:
        """The port is free afterwards; the textfile stays."""
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
            # Whoever has the port may end before we do: a training beside this one, or what was here before a restart.
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
