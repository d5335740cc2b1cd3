"""A run that is stopped, by a signal, a spent budget or an error, ends its processes, and they may save first."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shallowsight.cli import process_group as group
from shallowsight.cli.local_run import BudgetSpent
from shallowsight.errors import Interrupted
from shallowsight.store.store import Store

STUBBORN = (
    "import signal\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "deaf = 'import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(20)'\n"
    "step = subprocess.Popen([{python!r}, '-c', deaf])\n"
    "(ROOT / 'pids').write_text(f'{{os.getpid()}} {{step.pid}}')\n"
    "time.sleep(20)\n"
)


def _alive(pid: int) -> bool:
    stat = Path("/proc", str(pid), "stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_ends_every_process(
    pipeline: Callable[..., None], store: Store, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Also a step that does not listen to SIGTERM."""
    monkeypatch.setattr(group, "STOP_SECONDS", 0.5)
    before = signal.getsignal(signal.SIGTERM)

    def stop() -> None:
        while not (store.root / "pids").exists() or len((store.root / "pids").read_text().split()) < 2:
            time.sleep(0.02)
        time.sleep(0.2)
        os.kill(os.getpid(), number)

    began = time.monotonic()
    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(Interrupted, match="the same command continues"):
        pipeline(STUBBORN.format(python=sys.executable))
    stopper.join()
    assert time.monotonic() - began < 15  # not by waiting for their own end
    pids = [int(pid) for pid in (store.root / "pids").read_text().split()]
    end = time.monotonic() + 5
    while any(map(_alive, pids)):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert not (store.root / "tmp").exists()
    assert signal.getsignal(signal.SIGTERM) is before
    with store.exclusive():  # free for the next run
        pass


# A step that needs a second to save, below a pipeline that the same signal ends at once.
SAVES = """
import pathlib, signal, sys, time
def save(*_):
    time.sleep(1)
    pathlib.Path(sys.argv[1], "saved").touch()
    sys.exit()
signal.signal(signal.SIGTERM, save)
pathlib.Path(sys.argv[1], "ready").touch()
time.sleep(60)
"""
SAVING = f"subprocess.Popen([{sys.executable!r}, '-c', {SAVES!r}, str(ROOT)])\ntime.sleep(60)\n"


@pytest.mark.slow
def test_a_stop_waits_for_a_step_that_saves(pipeline: Callable[..., None], store: Store) -> None:
    said: list[str] = []

    def watch() -> None:
        if (store.root / "ready").exists():
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="the same command continues") as found:
        pipeline(SAVING, watch, say=said.append)
    assert not isinstance(found.value, BudgetSpent)
    assert (store.root / "saved").exists()
    assert said == ["stopping; running trainings save their states, for at most 30 seconds"]


@pytest.mark.slow
def test_a_spent_budget_stops_like_a_signal(pipeline: Callable[..., None], store: Store) -> None:
    said: list[str] = []
    began = time.monotonic()
    with pytest.raises(BudgetSpent):
        pipeline(SAVING, seconds=4.0, say=said.append)
    assert 4 < time.monotonic() - began < 20
    assert (store.root / "saved").exists()
    assert len(said) == 1
    assert not (store.root / "tmp").exists()


def test_a_pipeline_within_its_budget_is_not_stopped(pipeline: Callable[..., None]) -> None:
    pipeline("time.sleep(0.5)", seconds=60.0, say=lambda _: pytest.fail("it was stopped"))


def test_an_error_of_the_display_stops_the_pipeline(pipeline: Callable[..., None], store: Store) -> None:
    def watch() -> None:
        if (store.root / "pids").exists():
            raise RuntimeError("cannot draw")

    with pytest.raises(RuntimeError, match="cannot draw"):
        pipeline("(ROOT / 'pids').write_text(str(os.getpid())); time.sleep(60)", watch)
    assert not _alive(int((store.root / "pids").read_text()))
