"""Where metrics go, and a clock that a test moves."""

from pathlib import Path

import pytest
from ports import free_port

from shallowsight.observe.metrics import exposition
from shallowsight.observe.metrics.exposition import Endpoint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics" / "c.prom"


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint("127.0.0.1", free_port())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds, for the one who moves it."""
    now = [100.0]
    monkeypatch.setattr(exposition.time, "monotonic", lambda: now[0])
    return now
