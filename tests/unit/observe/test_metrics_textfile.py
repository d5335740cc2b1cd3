"""The textfile of a training's metrics: when it is written, and that a full disk fails no training."""

import shutil
import subprocess
from pathlib import Path

import pytest
from measured import LABELS, Done, written

from shallowsight.observe.metrics.training import TrainingMetrics


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


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
def test_promtool_finds_nothing(path: Path) -> None:
    with TrainingMetrics(**LABELS, textfile=path) as training:
        training.update_done(Done(1, peak=1e12, device_memory=7), 10)
        training.state_kept(1, True)
    command = ["promtool", "check", "metrics"]
    done = subprocess.run(command, stdin=path.open(), capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
