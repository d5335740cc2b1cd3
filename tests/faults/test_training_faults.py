"""What a training does when the machine around it fails."""

import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from stage_runs import LONG, finish, kill, log_of, meddling, result, saved, start, updates_of, wait_for

from shallowsight.train.process_task import ProcessTask

pytestmark = pytest.mark.slow

Make = Callable[..., ProcessTask]
UPDATES = 12
# A process that does it to itself is neither early nor late.
KILL_ITSELF = "os.kill(os.getpid(), signal.SIGKILL)"
STOP_ITSELF = "os.kill(os.getpid(), signal.SIGSTOP)"
KILL_WORKERS = "[worker.kill() for worker in multiprocessing.active_children()]"
GONE = "another process of this training has ended"


@pytest.fixture
def job(resumable: Make) -> Make:
    return partial(resumable, updates=UPDATES)


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


def test_a_full_disk_costs_states_but_not_the_training(job: Make, calm: Make, small_disk: Path, tmp_path: Path) -> None:
    # As in a study folder: the scratch space is on the same disk.
    work = small_disk / "work"
    work.mkdir()
    full = job("full").model_copy(update={"states": f"file://{small_disk}/states", "work": work})
    process = start(full, 1, **meddling(tmp_path, UPDATES - 1))
    wait_for(lambda: "was not saved: " in log_of(full) and "No space left on device" in log_of(full), "a full disk")
    kill(process)
    # The first state had room, and was not hurt by the ones that had none.
    (first, *_) = saved(full)
    before = len(updates_of(full))
    finish(full, 1)
    assert updates_of(full)[before] == first + 1
    assert result(full) == result(calm(1, UPDATES))


def test_a_dead_data_worker_stops_it_with_the_reason(job: Make, calm: Make, tmp_path: Path) -> None:
    hurt = job("hurt", live=True).model_copy(update={"workers": 2})
    process = start(hurt, 1, **meddling(tmp_path, 3, KILL_WORKERS))
    assert process.wait(timeout=LONG) == 1
    assert "a data worker died" in log_of(hurt) and "Traceback" not in log_of(hurt)
    assert updates_of(hurt)[-1] < UPDATES
    finish(hurt, 1)
    assert result(hurt) == result(calm(1, UPDATES, live=True))


def test_a_hung_process_ends_the_others(job: Make, calm: Make, tmp_path: Path) -> None:
    hung = job("hung").model_copy(update={"hang_seconds": 10.0})
    process = start(hung, 2, **meddling(tmp_path, 3, STOP_ITSELF, rank=1))
    assert process.wait(timeout=LONG) == 1
    said = log_of(hung)
    assert (
        "no update for 10 seconds: a process of this training hangs or has ended" in said
        and "distributed_c10d.py" in said
    )
    finish(hung, 2)
    assert result(hung) == result(calm(2, UPDATES))


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_among_two_ends_both(job: Make, calm: Make, tmp_path: Path, rank: int) -> None:
    hurt = job("hurt")
    process = start(hurt, 2, **meddling(tmp_path, 3, KILL_ITSELF, rank=rank))
    assert process.wait(timeout=LONG) == 1
    assert GONE in log_of(hurt)
    finish(hurt, 2)
    assert result(hurt) == result(calm(2, UPDATES))
