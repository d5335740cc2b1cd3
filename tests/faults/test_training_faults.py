"""What a training does when the machine around it fails."""

import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from stage_runs import LONG, finish, kill, log_of, meddling, result, saved, start, updates_of, wait_for
from tiny_training import in_folder
from two_processes import train_among_two

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
    wait_for(
        lambda: "was not saved: " in log_of(full) and "No space left on device" in log_of(full), "a full disk", process
    )
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


@pytest.fixture(scope="module")
def among_two(make_job: Make, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ProcessTask]:
    """Trainings of two processes one of which did something to itself; and one that met no fault."""
    folder = tmp_path_factory.mktemp("among two")
    hung, first, second = (in_folder(make_job, folder / name, UPDATES) for name in ("hung", "first", "second"))
    hung = hung.model_copy(update={"hang_seconds": 10.0})
    for task, what, rank in ((hung, STOP_ITSELF, 1), (first, KILL_ITSELF, 0), (second, KILL_ITSELF, 1)):
        process = start(task, 2, **meddling(folder, 3, what, rank=rank))
        assert process.wait(timeout=LONG) == 1
    return {"hung": hung, "first killed": first, "second killed": second}


def test_a_hung_process_ends_the_others(among_two: dict[str, ProcessTask]) -> None:
    said = log_of(among_two["hung"])
    assert "no update for 10 seconds: a process of this training hangs or has ended" in said
    assert "distributed_c10d.py" in said


@pytest.mark.parametrize("which", ["first killed", "second killed"])
def test_a_killed_process_among_two_ends_both(among_two: dict[str, ProcessTask], which: str) -> None:
    assert GONE in log_of(among_two[which])


def test_what_one_process_ended_goes_on(among_two: dict[str, ProcessTask], make_job: Make, tmp_path: Path) -> None:
    calm = in_folder(make_job, tmp_path / "calm", UPDATES).model_copy(update={"states": None})
    said = train_among_two([*among_two.values(), calm])
    assert said.count("continuing after update ") == 2 * len(among_two)
    for which, task in among_two.items():
        assert result(task) == result(calm), which
