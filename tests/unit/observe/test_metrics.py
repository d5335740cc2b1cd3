"""The metrics of a training stage: their values, the textfile, the endpoint, and that neither can fail a training."""

import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shallowsight.errors import MissingPackage
from shallowsight.observe.metrics import exposition
from shallowsight.observe.metrics.exposition import ADDRESS, PORT, Endpoint
from shallowsight.observe.metrics.names import COUNTERS, FAILED, GAUGES, NODE_GAUGES
from shallowsight.observe.metrics.training import TrainingMetrics

LABELS = {"study": "demo", "cell": "c" * 16, "stage": "finetune"}


@dataclass(frozen=True)
class Done:
    """An update of a training that is not run."""

    update: int
    loss: float = 2.0
    learning_rate: float = 1e-3
    seconds: float = 0.25
    waited: float = 0.05
    tokens: int = 700
    sample_count: int = 8
    operations: float = 1e9
    peak: float = 0.0
    memory: int = 5_000_000
    device_memory: int = 0


def values(text: str) -> dict[str, float]:
    """Sample -> value, without the common beginning of all names; every sample must carry exactly our labels."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation.endswith(".")
        for sample in family.samples:
            more = {label: value for label, value in sample.labels.items() if label in {"le", "reason"}}
            assert sample.labels == LABELS | {"node": platform.node()} | more
            name = sample.name.removeprefix("shallowsight_train_")
            assert name != sample.name
            found[name + "".join(f" {value}" for value in more.values())] = sample.value
    return found


def written(path: Path) -> dict[str, float]:
    return values(path.read_text())


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def scraped(endpoint: Endpoint) -> dict[str, float]:
    with urlopen(f"http://{endpoint.address}:{endpoint.port}/metrics", timeout=10) as answer:
        return values(answer.read().decode())


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


@pytest.fixture
def taken(endpoint: Endpoint) -> Iterator[socket.socket]:
    """Somebody else has the port."""
    with socket.socket() as other:
        other.bind((endpoint.address, endpoint.port))
        other.listen()
        yield other


def test_values_after_three_updates(path: Path) -> None:
    with TrainingMetrics(**LABELS, textfile=path) as training:
        for number, loss in enumerate((3.0, 2.0, 1.5), 1):
            training.update_done(Done(number, loss), 10)
    found = written(path)
    times = {name: found.pop(name) for name in list(found) if name.endswith("timestamp_seconds")}
    assert set(times) == {"started_timestamp_seconds", "last_update_timestamp_seconds"}
    assert 1.7e9 < times["started_timestamp_seconds"] <= times["last_update_timestamp_seconds"]
    buckets = {name: found.pop(name) for name in list(found) if name.startswith("update_seconds_bucket")}
    assert [buckets[f"update_seconds_bucket {le}"] for le in ("0.1", "0.25", "0.5", "+Inf")] == [0, 3, 3, 3]
    assert found == pytest.approx(
        {
            "loss_nats": 1.5,
            "learning_rate": 1e-3,
            "planned_updates": 10,
            "updates_total": 3,
            "tokens_total": 2100,
            "samples_total": 24,
            "data_wait_seconds_total": 0.15,
            "operations_total": 3e9,
            "state_save_failures_total": 0,
            "update_seconds_count": 3,
            "update_seconds_sum": 0.75,
            "tokens_per_second": 2800,
            "samples_per_second": 32,
            "data_wait_share": 0.2,
            "peak_memory_bytes": 5_000_000,
            "running": 0,
        }
    )


@pytest.mark.parametrize("leads", [True, False])
def test_records_that_do_not_enter_whole(path: Path, leads: bool) -> None:
    with TrainingMetrics(**LABELS, textfile=path, leads=leads) as training:
        training.records_read(left_out=2, cut=5)
    found = written(path)
    expected = {"left_out_records": 2, "cut_records": 5} if leads else {}
    assert {name: value for name, value in found.items() if name.endswith("_records")} == expected


def test_before_the_first_update(path: Path) -> None:
    """Nothing that is not known; and of counters those that start at 0, so that the first update counts."""
    with TrainingMetrics(**LABELS, textfile=path):
        found = written(path)
    assert {name for name in found if not name.startswith("update_seconds")} == {
        "tokens_total",
        "samples_total",
        "data_wait_seconds_total",
        "operations_total",
        "state_save_failures_total",
        "started_timestamp_seconds",
        "running",
    }
    assert found["running"] == 1 and found["tokens_total"] == 0


def test_a_gpu_has_its_memory_and_its_utilisation(path: Path) -> None:
    with TrainingMetrics(**LABELS, textfile=path) as training:
        for number, operations in enumerate((1e12, 3e12), 1):
            training.update_done(Done(number, operations=operations, peak=312e12, device_memory=7), 10)
    found = written(path)
    assert found["peak_device_memory_bytes"] == 7
    assert found["peak_operations_per_second"] == 312e12
    assert found["mfu"] == pytest.approx(4e12 / 0.5 / 312e12)


def test_the_pace_is_that_of_the_last_updates(path: Path) -> None:
    with TrainingMetrics(**LABELS, textfile=path) as training:
        training.update_done(Done(1, seconds=100.0, waited=100.0), 100)  # the first is always slow
        for number in range(2, 30):
            training.update_done(Done(number), 100)
    found = written(path)
    assert (found["tokens_per_second"], found["samples_per_second"]) == pytest.approx((2800, 32))
    assert found["data_wait_share"] == pytest.approx(0.2)
    assert found["data_wait_seconds_total"] == pytest.approx(100 + 28 * 0.05)


def test_states(path: Path) -> None:
    with TrainingMetrics(**LABELS, textfile=path) as training:
        training.state_kept(4, False)
        training.state_kept(8, True)
        training.state_kept(12, False)
    found = written(path)
    assert (found["saved_update"], found["state_save_failures_total"]) == (8, 2)
    assert found["saved_timestamp_seconds"] >= found["started_timestamp_seconds"]


def test_a_resumed_training_counts_on(path: Path, clock: list[float]) -> None:
    seen = []
    for numbers in ((1, 2, 3), (4, 5), (5, 6)):  # stopped after 3, killed after 5 with the state of 4
        with TrainingMetrics(**LABELS, textfile=path) as training:
            for number in numbers:
                clock[0] += 6
                training.update_done(Done(number), 9)
                seen.append(written(path)["updates_total"])
    assert seen == [1, 2, 3, 4, 5, 5, 6]
    assert written(path)["tokens_total"] == 2 * 700  # of the last process alone: a reset, as Prometheus expects


def test_counters_never_fall(path: Path, clock: list[float]) -> None:
    """Updates come again when the first try of them met the end of the memory."""
    seen = []
    with TrainingMetrics(**LABELS, textfile=path) as training:
        for number in (1, 2, 3, 2, 3, 4):
            clock[0] += 6
            training.update_done(Done(number), 9)
            seen.append(written(path))
    assert [found["updates_total"] for found in seen] == [1, 2, 3, 3, 3, 4]
    for name in (*COUNTERS, "update_seconds_count", "update_seconds_sum"):
        assert [found[name] for found in seen] == sorted(found[name] for found in seen)


def test_other_nodes_have_their_own_alone(path: Path) -> None:
    """What is of the whole run would count twice in a sum over nodes."""
    with TrainingMetrics(**LABELS, textfile=path, leads=False) as training:
        training.update_done(Done(1, device_memory=7), 10)
        training.state_kept(1, True)
    assert set(written(path)) == set(NODE_GAUGES)


def test_names_and_types(path: Path) -> None:
    with TrainingMetrics(**LABELS, textfile=path):
        pass
    types = {family.name: family.type for family in text_string_to_metric_families(path.read_text())}
    assert {name for name, kind in types.items() if kind == "counter"} == {
        f"shallowsight_train_{name.removesuffix('_total')}" for name in COUNTERS
    }
    assert {name for name, kind in types.items() if kind == "gauge"} == {
        f"shallowsight_train_{name}" for name in (*GAUGES, *NODE_GAUGES, FAILED)
    }
    assert types["shallowsight_train_update_seconds"] == "histogram"


def test_the_textfile_is_written_now_and_then(path: Path, clock: list[float]) -> None:
    seen = []
    with TrainingMetrics(**LABELS, textfile=path) as training:
        for number, seconds in enumerate((6.0, 1.0, 4.5, 1.0), 1):
            clock[0] += seconds
            training.update_done(Done(number), 9)
            seen.append(written(path)["updates_total"])
    assert seen == [1, 1, 3, 3]
    assert written(path)["updates_total"] == 4
    assert [p.name for p in path.parent.iterdir()] == ["c.prom"]  # no half-written file beside it


def test_a_failure_ends_it_too(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), TrainingMetrics(**LABELS, textfile=path):
        raise ZeroDivisionError
    assert written(path)["running"] == 0


def test_strange_labels_survive(path: Path) -> None:
    with TrainingMetrics('a "quoted"\nname\\', "c", "pretrain", textfile=path):
        pass
    (label,) = {s.labels["study"] for f in text_string_to_metric_families(path.read_text()) for s in f.samples}
    assert label == 'a "quoted"\nname\\'


def test_a_textfile_that_cannot_be_written(path: Path, clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    path.mkdir(parents=True)  # nobody, not even root, writes there
    with TrainingMetrics(**LABELS, textfile=path) as training:
        for number in (1, 2, 3):
            clock[0] += 6
            training.update_done(Done(number), 9)
        assert len(caplog.records) == 1
        path.rmdir()
        clock[0] += 6
        training.update_done(Done(4), 9)
    assert caplog.messages[0].startswith(f"the metrics cannot be written to {path} (")
    assert len(caplog.records) == 1
    assert written(path)["updates_total"] == 4  # room again


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    real = open
    monkeypatch.setattr("prometheus_client.exposition.open", lambda name, mode: real("/dev/full", mode), raising=False)
    with TrainingMetrics(**LABELS, textfile=path) as training:
        training.update_done(Done(1), 9)
    assert "No space left on device" in caplog.text and len(caplog.records) == 1


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
def test_the_environment(
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


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingPackage, match=r"shallowsight\[train\]"):
        TrainingMetrics(**LABELS)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
def test_promtool_finds_nothing(path: Path) -> None:
    with TrainingMetrics(**LABELS, textfile=path) as training:
        training.update_done(Done(1, peak=1e12, device_memory=7), 10)
        training.state_kept(1, True)
    command = ["promtool", "check", "metrics"]
    done = subprocess.run(command, stdin=path.open(), capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
