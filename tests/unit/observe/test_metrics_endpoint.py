"""The endpoint that serves a training's metrics: its port, and that one that is taken fails no training."""

import socket
from collections.abc import Iterator

import pytest
from measured import LABELS, Done, scraped
from ports import free_port

from shallowsight.observe.metrics.exposition import ADDRESS, PORT, Endpoint
from shallowsight.observe.metrics.training import TrainingMetrics


@pytest.fixture
def taken(endpoint: Endpoint) -> Iterator[socket.socket]:
    """Somebody else has the port."""
    with socket.socket() as other:
        other.bind((endpoint.address, endpoint.port))
        other.listen()
        yield other


def test_the_endpoint(endpoint: Endpoint) -> None:
    with TrainingMetrics(**LABELS, endpoint=endpoint) as training:
        assert "updates_total" not in scraped(endpoint)
        training.update_done(Done(7), 9)
        assert scraped(endpoint)["updates_total"] == 7  # at once, unlike the textfile
    # The port is free for the next stage.
    with TrainingMetrics(**LABELS, endpoint=endpoint) as training:
        training.update_done(Done(1), 9)
        assert scraped(endpoint)["updates_total"] == 1


def test_a_port_that_is_taken(
    endpoint: Endpoint, taken: socket.socket, clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    with TrainingMetrics(**LABELS, endpoint=endpoint) as training:
        for number in (1, 2):
            clock[0] += 6
            training.update_done(Done(number), 9)
        assert len(caplog.records) == 1
        assert caplog.messages[0].startswith(f"metrics are not served at 127.0.0.1:{endpoint.port} yet (")
        assert "training goes on" in caplog.messages[0]
        taken.close()
        clock[0] += 6
        training.update_done(Done(3), 9)
        assert scraped(endpoint)["updates_total"] == 3


@pytest.mark.parametrize("address", ["no such host", "192.0.2.1"])
def test_an_address_that_is_not_ours(address: str, caplog: pytest.LogCaptureFixture) -> None:
    with TrainingMetrics(**LABELS, endpoint=Endpoint(address, free_port())) as training:
        training.update_done(Done(1), 9)
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("port", "address", "found"),
    [
        pytest.param(None, None, None, id="unset"),
        pytest.param("", None, None, id="empty"),
        pytest.param("0", None, None, id="none"),
        pytest.param("9464", None, Endpoint("127.0.0.1", 9464), id="local"),
        pytest.param("9464", "0.0.0.0", Endpoint("0.0.0.0", 9464), id="pod"),
    ],
)
def test_the_environment_names_the_endpoint(
    port: str | None, address: str | None, found: Endpoint | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ((PORT, port), (ADDRESS, address)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert Endpoint.from_environment() == found


@pytest.mark.parametrize("port", ["tcp://10.0.0.1:9464", "-1", "65536", "9464 "])
def test_an_impossible_port_is_said(
    port: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(PORT, port)
    assert Endpoint.from_environment() is None
    assert caplog.messages == [f"{PORT}={port} is not a port number from 1 to 65535: metrics are not served"]
