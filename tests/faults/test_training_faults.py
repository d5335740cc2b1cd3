"""What a training does when the machine around it fails."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stage_runs import children, finish, kill, log_of, result, saved, start, updates_of, wait_for

from shallowsight.train.job import StageJob

pytestmark = pytest.mark.slow

Make = Callable[..., StageJob]
UPDATES = 60


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Room for one state and its making, and no more: a state of the tiny model takes 430 kB."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1200k", "none", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip(f"cannot mount a small disk: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_costs_states_but_not_the_training(resumable: Make, small_disk: Path) -> None:
    calm = resumable("calm")
    finish(calm, 1)
    # As in a study folder: the scratch space is on the same disk.
    work = small_disk / "work"
    work.mkdir()
    full = resumable("full").model_copy(update={"states": f"file://{small_disk}/states", "work": work})
    process = start(full, 1)
    wait_for(lambda: "was not saved: " in log_of(full) and "No space left on device" in log_of(full), "a full disk")
    kill(process)
    # The first state had room, and was not hurt by the ones that had none.
    (first, *_) = saved(full)
    before = len(updates_of(full))
    finish(full, 1)
    assert updates_of(full)[before] == first + 1
    assert result(full) == result(calm)


def test_a_dead_data_worker_stops_it_with_the_reason(resumable: Make) -> None:
    calm = resumable("calm", live=True)
    finish(calm, 1)
    hurt = resumable("hurt", live=True).model_copy(update={"workers": 2})
    process = start(hurt, 1)
    wait_for(lambda: len(updates_of(hurt)) >= 5, "five updates")
    # Before the next batch is asked for none may be ready.
    workers = children(process)
    assert len(workers) == 2
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    assert process.wait(timeout=60) == 1
    assert "a data worker died" in log_of(hurt) and "Traceback" not in log_of(hurt)
    finish(hurt, 1)
    assert result(hurt) == result(calm)


def test_a_hung_process_ends_the_others(resumable: Make) -> None:
    calm = resumable("calm")
    finish(calm, 2)
    hung = resumable("hung").model_copy(update={"hang_seconds": 5.0})
    process = start(hung, 2)
    wait_for(lambda: len(saved(hung)) >= 2, "two states")
    stopped = children(process)[-1]
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    assert process.wait(timeout=90) == 1
    assert time.monotonic() - began < 60  # torchrun gives the stopped one half a minute
    said = log_of(hung)
    assert "no update for 5 seconds: a process hangs or is gone" in said and "distributed_c10d.py" in said
    finish(hung, 2)
    assert result(hung) == result(calm)


def test_a_killed_process_among_two_ends_both(resumable: Make) -> None:
    calm = resumable("calm")
    finish(calm, 2)
    hurt = resumable("hurt")
    process = start(hurt, 2)
    wait_for(lambda: len(saved(hurt)) >= 2, "two states")
    os.kill(children(process)[-1], signal.SIGKILL)
    assert process.wait(timeout=60) == 1
    finish(hurt, 2)
    assert result(hurt) == result(calm)
