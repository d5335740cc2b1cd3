"""A real Prometheus, and what is asked of it and of the pages that it scrapes."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from ports import free_port

from shallowsight.observe.metrics.names import PREFIX


def until(found: Callable[[], Any], what: str, seconds: float = 90.0) -> Any:
    """What `found` finds as soon as it is something."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, f"{what} never came"
        time.sleep(0.1)
    return value


def page(port: int) -> str:
    """What is served there; empty when nothing is."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


def sampled(text: str) -> dict[str, float]:
    """Name without prefix and labels -> value, of a page of one training."""
    samples = re.findall(rf"^{PREFIX}(\w+){{(.*)}} (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, labels, value in samples if 'le="' not in labels}


def promtool(text: str) -> str:
    """What it complains about."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not on PATH")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    return done.stdout + done.stderr


@dataclass(frozen=True)
class Prometheus:
    port: int

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The vector that it answers; an error of the query is one of the test."""
        with urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{urlencode({'query': query})}", timeout=10) as answer:
            found = json.load(answer)
        assert found["status"] == "success"
        vector: list[dict[str, Any]] = found["data"]["result"]
        return vector

    def value(self, query: str) -> float | None:
        """Of the one series that it answers, unless there is none yet."""
        found = self.ask(query)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None


@contextmanager
def running_prometheus(folder: Path, config: dict[str, Any]) -> Iterator[Prometheus]:
    """Until the block ends; `folder` is its own."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("no `prometheus` on PATH: apt-get install prometheus")
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    port = free_port()
    command = [binary, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log) as server,
    ):
        try:
            until(lambda: _ready(port), "Prometheus", 30)
            yield Prometheus(port)
        finally:
            server.terminate()


def _ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
