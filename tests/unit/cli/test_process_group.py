"""A process group that is ended whole: who needs time gets it, who does not listen is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from shallowsight.cli import process_group as group
from shallowsight.cli.process_group import living, process_group

# The leader ends at once; its child, a process of its own in the same group, is what these tests are about.
LEADER = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]]); {then}"
SAVES = (
    "import pathlib, signal, sys, time\n"
    "def save(*_): time.sleep({seconds}); pathlib.Path({folder!r}, 'saved').touch(); sys.exit()\n"
    "signal.signal(signal.SIGTERM, save)\n"
    "pathlib.Path({folder!r}, 'ready').touch()\n"
    "time.sleep(60)\n"
)


def run(folder: Path, step: str, leader: str = "import time; time.sleep(60)") -> int:
    """Leaves the group as soon as the step is ready; the group's number."""
    command = [sys.executable, "-c", LEADER.format(then=leader), step]
    with (folder / "log").open("wb") as output, process_group(command, os.environ, output) as started:
        until = time.monotonic() + 20
        while not (folder / "ready").exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        number = started.pid
    return number


@pytest.mark.slow
def test_a_step_that_saves_is_waited_for(tmp_path: Path) -> None:
    """Though the leader dies of the same signal at once."""
    began = time.monotonic()
    number = run(tmp_path, SAVES.format(seconds=1.0, folder=str(tmp_path)))
    assert (tmp_path / "saved").exists()
    assert living(number) == []
    assert time.monotonic() - began < 15, "not for as long as it may take"


def test_a_step_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "STOP_SECONDS", 0.3)
    deaf = SAVES.format(seconds=0, folder=str(tmp_path)).replace("SIGTERM, save", "SIGTERM, signal.SIG_IGN")
    assert living(run(tmp_path, deaf)) == []
    assert not (tmp_path / "saved").exists()


@pytest.mark.slow
def test_a_second_stop_does_not_wait(tmp_path: Path) -> None:
    """SIGTERM while the first one is being obeyed: everything is killed, and nothing is left."""
    slow = SAVES.format(seconds=60, folder=str(tmp_path))

    def insist() -> None:
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGTERM)

    stopper = threading.Thread(target=insist)
    stopper.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, slow)
    stopper.join()
    assert time.monotonic() - began < 15
    assert not (tmp_path / "saved").exists()


def test_what_a_leader_leaves_behind_is_ended_too(tmp_path: Path) -> None:
    number = run(tmp_path, SAVES.format(seconds=0.2, folder=str(tmp_path)), leader="pass")
    assert (tmp_path / "saved").exists()
    assert living(number) == []


def test_a_process_that_waits_to_be_reaped_is_not_alive() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    until = time.monotonic() + 20
    while living(ended.pid):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert Path("/proc", str(ended.pid)).exists(), "a zombie, as nobody has waited for it"
    ended.wait()


def test_living_processes_of_a_group() -> None:
    assert os.getpid() in living(os.getpgrp())


def test_sigterm_is_ctrl_c_inside_alone(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with (
        (tmp_path / "log").open("wb") as output,
        pytest.raises(KeyboardInterrupt),
        process_group([sys.executable, "-c", "import time; time.sleep(60)"], os.environ, output),
    ):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert signal.getsignal(signal.SIGTERM) is before
