"""The textfile that a node exporter collects."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shallowsight.errors import MissingPackage
from shallowsight.services import metrics
from shallowsight.services.metrics import TrainingMetrics

LABELS = {"study": "demo", "cell": "c" * 16, "stage": "finetune"}


def written(path: Path) -> dict[str, float]:
    """Sample name -> value; every sample must carry exactly our labels."""
    found = {}
    for family in text_string_to_metric_families(path.read_text()):
        assert family.documentation.endswith(".")
        for sample in family.samples:
            assert sample.labels == LABELS
            found[sample.name] = sample.value
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics" / "c.prom"


def test_values_after_three_updates(path: Path) -> None:
    training = TrainingMetrics(path, **LABELS)
    for loss in (3.0, 2.0, 1.5):
        training.record(loss, 1e-3, 0.25, 700, 10)
    training.write()
    found = {k: v for k, v in written(path).items() if not k.endswith("_created")}
    assert found == {
        "shallowsight_train_loss_nats": 1.5,
        "shallowsight_train_learning_rate": 1e-3,
        "shallowsight_train_update_seconds": 0.25,
        "shallowsight_train_planned_updates": 10.0,
        "shallowsight_train_updates_total": 3.0,
        "shallowsight_train_tokens_total": 2100.0,
    }
    assert [p.name for p in path.parent.iterdir()] == ["c.prom"]  # no half-written file beside it


def test_types(path: Path) -> None:
    TrainingMetrics(path, **LABELS).write()
    types = {f.name: f.type for f in text_string_to_metric_families(path.read_text()) if "_created" not in f.name}
    assert {name for name, kind in types.items() if kind == "counter"} == {
        "shallowsight_train_updates",
        "shallowsight_train_tokens",
    }
    assert set(types.values()) == {"counter", "gauge"}


def test_record_writes_now_and_then(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(metrics.time, "monotonic", lambda: clock[0])
    training = TrainingMetrics(path, **LABELS)
    seen = []
    for step in (0.0, 1.0, 4.5, 1.0):
        clock[0] += step
        training.record(1.0, 1.0, 1.0, 1, 9)
        seen.append(written(path)["shallowsight_train_updates_total"])
    assert seen == [1.0, 1.0, 3.0, 3.0]


def test_strange_labels_survive(path: Path) -> None:
    TrainingMetrics(path, 'a "quoted"\nname\\', "c", "pretrain").write()
    (label,) = {s.labels["study"] for f in text_string_to_metric_families(path.read_text()) for s in f.samples}
    assert label == 'a "quoted"\nname\\'


def test_missing_package_names_the_extra(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingPackage, match=r"shallowsight\[train\]"):
        TrainingMetrics(path, **LABELS)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
def test_promtool_finds_nothing(path: Path) -> None:
    training = TrainingMetrics(path, **LABELS)
    training.record(1.0, 1e-3, 0.25, 700, 10)
    training.write()
    command = ["promtool", "check", "metrics"]
    done = subprocess.run(command, stdin=path.open(), capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
