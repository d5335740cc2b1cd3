"""A training that fails says why, for as long as it takes Prometheus to hear it."""

import logging
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from measured import LABELS
from ports import free_port

from shallowsight import errors
from shallowsight.errors import (
    ConfigurationError,
    CorruptOutput,
    Interrupted,
    LeaseHeld,
    LossNotFinite,
    MissingPackage,
    OutOfMemory,
    ShallowsightError,
    StoreUnavailable,
)
from shallowsight.observe.metrics.exposition import PORT, Endpoint
from shallowsight.observe.metrics.linger import LINGER, linger
from shallowsight.observe.metrics.names import OTHER_REASON, REASONS
from shallowsight.observe.metrics.training import TrainingMetrics

LONG = 60.0  # seconds that no test waits for


def reasons(text: str) -> dict[str, float]:
    found = re.findall(r'^shallowsight_train_failed{.*reason="(\w+)".*} (\S+)$', text, re.MULTILINE)
    return {reason: float(value) for reason, value in found}


def served(endpoint: Endpoint) -> str:
    """Empty when nobody is there."""
    try:
        with urlopen(f"http://{endpoint.address}:{endpoint.port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint("127.0.0.1", free_port(), LONG)


@pytest.fixture
def signals() -> Iterator[list[int]]:
    """What a process that trains would be told; as `node` has it, such a signal is an error."""
    came: list[int] = []
    before = {
        each: signal.signal(each, lambda number, _: came.append(number)) for each in (signal.SIGTERM, signal.SIGINT)
    }
    yield came
    for number, handler in before.items():
        signal.signal(number, handler)


def fail(endpoint: Endpoint | None, error: BaseException, textfile: Path | None = None, leads: bool = True) -> float:
    """Seconds that it took."""
    began = time.monotonic()
    with (
        pytest.raises(type(error)),
        TrainingMetrics(**LABELS, endpoint=endpoint, textfile=textfile, leads=leads),
    ):
        raise error
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LossNotFinite("why"), "loss_not_finite"),
        (OutOfMemory("why"), "out_of_memory"),
        (StoreUnavailable("why"), "store_unavailable"),
        (CorruptOutput("why"), "corrupt_output"),
        (LeaseHeld("why"), "lease_held"),
        (ConfigurationError("why"), "configuration"),
        (MissingPackage("deepspeed", "train"), "configuration"),
        (ShallowsightError("why"), "other"),
        (ZeroDivisionError("why"), "other"),
    ],
)
def test_a_failure_has_its_reason(error: Exception, reason: str, tmp_path: Path) -> None:
    fail(None, error, tmp_path / "c.prom")
    assert reasons((tmp_path / "c.prom").read_text()) == {reason: 1.0}


@pytest.mark.slow
@pytest.mark.parametrize("error", [Interrupted("why"), KeyboardInterrupt(), SystemExit()])
def test_a_stop_is_no_failure(error: BaseException, endpoint: Endpoint, tmp_path: Path) -> None:
    assert fail(endpoint, error, tmp_path / "c.prom") < LONG / 2
    assert reasons((tmp_path / "c.prom").read_text()) == {}


def test_an_end_is_no_failure(endpoint: Endpoint, tmp_path: Path) -> None:
    began = time.monotonic()
    with TrainingMetrics(**LABELS, endpoint=endpoint, textfile=tmp_path / "c.prom"):
        pass
    assert time.monotonic() - began < LONG / 2 and reasons((tmp_path / "c.prom").read_text()) == {}


def test_reasons_are_few_and_of_known_types() -> None:
    assert all(getattr(errors, kind.__name__) is kind for kind in REASONS)
    assert len({*REASONS.values(), OTHER_REASON}) == len(REASONS) + 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_is_served_until_a_signal(endpoint: Endpoint, signals: list[int], number: int) -> None:
    seen: list[str] = []

    def scrape() -> None:
        while not reasons(page := served(endpoint)):
            time.sleep(0.02)
        seen.append(page)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=scrape)
    thread.start()
    assert fail(endpoint, LossNotFinite("why")) < LONG / 2
    thread.join(10)
    assert reasons(seen[0]) == {"loss_not_finite": 1.0} and "shallowsight_train_running" in seen[0]
    assert served(endpoint) == ""
    assert signals == [], "the failure is what ends it"
    os.kill(os.getpid(), number)
    assert signals == [number], "from now on it is told again"


def test_it_is_served_no_longer_than_asked() -> None:
    began = time.monotonic()
    linger(0.3)
    assert 0.3 <= time.monotonic() - began < LONG / 2


def test_it_lingers_beside_the_main_thread() -> None:
    thread = threading.Thread(target=linger, args=(0.1,))
    thread.start()
    thread.join(LONG / 2)
    assert not thread.is_alive()


def test_another_node_says_nothing_and_does_not_stay(endpoint: Endpoint, tmp_path: Path) -> None:
    assert fail(endpoint, LossNotFinite("why"), tmp_path / "c.prom", leads=False) < LONG / 2
    assert "failed" not in (tmp_path / "c.prom").read_text()


def test_nobody_waits_where_nothing_is_served(endpoint: Endpoint) -> None:
    with socket.socket() as other:
        other.bind((endpoint.address, endpoint.port))
        other.listen()
        assert fail(endpoint, LossNotFinite("why")) < LONG / 2


@pytest.mark.parametrize(("text", "seconds"), [(None, 0.0), ("", 0.0), ("0", 0.0), ("45", 45.0), ("1.5", 1.5)])
def test_the_environment(text: str | None, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PORT, "9464")
    monkeypatch.delenv(LINGER, raising=False)
    if text is not None:
        monkeypatch.setenv(LINGER, text)
    found = Endpoint.from_environment()
    assert found is not None and found.linger == seconds


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_what_are_no_seconds_is_said(
    text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(PORT, "9464")
    monkeypatch.setenv(LINGER, text)
    with caplog.at_level(logging.WARNING):
        found = Endpoint.from_environment()
    assert found is not None and found.linger == 0.0
    assert caplog.messages == [f"{LINGER}={text} is not a number of seconds: metrics end with their training"]
