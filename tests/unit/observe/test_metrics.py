"""The metrics of a training stage: their values, names and types."""

import socket
import sys
from pathlib import Path

import pytest
from measured import LABELS, Done, written
from prometheus_client.parser import text_string_to_metric_families

from shallowsight.errors import MissingPackage
from shallowsight.observe.metrics.names import COUNTERS, FAILED, GAUGES, NODE_GAUGES
from shallowsight.observe.metrics.training import TrainingMetrics


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


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


def test_saved_states_and_failed_saves_are_counted(path: Path) -> None:
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


def test_strange_labels_survive(path: Path) -> None:
    with TrainingMetrics('a "quoted"\nname\\', "c", "pretrain", textfile=path):
        pass
    (label,) = {s.labels["study"] for f in text_string_to_metric_families(path.read_text()) for s in f.samples}
    assert label == 'a "quoted"\nname\\'


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingPackage, match=r"shallowsight\[train\]"):
        TrainingMetrics(**LABELS)
