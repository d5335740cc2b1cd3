"""Several processes at work in one store: each cell is made once, and who is killed leaves nothing that counts."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from built_cells import MODEL, child_that_builds, events, leftovers, make_text, never, wait_until_making

from shallowsight.errors import ShallowsightError
from shallowsight.store.cells import Cell
from shallowsight.store.store import CELL, Store


def test_killed_process_leaves_no_cell(store: Store) -> None:
    child = child_that_builds(store, "time.sleep(60)")
    wait_until_making(child)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert leftovers(store) == [f".building-{MODEL.digest}"]
    assert not store.is_whole(MODEL)
    store.build(MODEL, make_text())
    assert leftovers(store) == [MODEL.digest]
    assert sorted(p.name for p in store.folder(MODEL).iterdir()) == [CELL, "sub", "two.bin"]  # nothing of the killed
    assert events(store) == [("started", "c"), ("started", "c"), ("done", "c")]


@pytest.mark.slow
def test_two_processes_make_a_cell_once(store: Store) -> None:
    child = child_that_builds(store, "time.sleep(0.7)")
    wait_until_making(child)
    store.build(MODEL, never)  # waits for the other
    assert child.wait() == 0
    assert (store.folder(MODEL) / "first").read_text() == "half"
    assert events(store) == [("started", "c"), ("done", "c"), ("reused", "c")]


def test_waiting_process_takes_over_when_the_other_dies(store: Store) -> None:
    child = child_that_builds(store, "time.sleep(60)")
    wait_until_making(child)
    killer = threading.Timer(0.5, child.kill)
    killer.start()
    store.build(MODEL, make_text("mine"))
    child.wait()
    assert (store.folder(MODEL) / "sub" / "one.txt").read_text() == "mine"


def test_build_many_in_two_orders_does_not_lock_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [Cell(step="encode", digest=d * 16) for d in "123456"]
    lock = Store._lock

    @contextmanager
    def slow(self: Store, cell: Cell) -> Iterator[None]:
        with lock(self, cell):
            time.sleep(0.05)  # so that the two meet in the middle
            yield

    monkeypatch.setattr(Store, "_lock", slow)

    def make(folders: Any) -> None:
        for folder in folders.values():
            make_text()(folder)

    threads = [threading.Thread(target=store.build_many, args=(order, make)) for order in (cells, cells[::-1])]
    for thread in threads:
        thread.daemon = True
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert sorted(event for event, _ in events(store)) == ["done"] * 6 + ["reused"] * 6 + ["started"] * 6


def test_exclusive_refuses_a_second_run(store: Store) -> None:
    with store.exclusive():
        with pytest.raises(ShallowsightError, match=f"in use by process {os.getpid()}; wait for it or name another"):
            with Store(store.root).exclusive():
                pytest.fail("two runs at once")
        # The refused one did not take the name of the first away.
        assert (store.root / ".lock").read_text() == str(os.getpid())
    with store.exclusive():
        pass


def test_exclusive_is_free_after_the_holder_was_killed(store: Store) -> None:
    code = (
        "import sys, time; from pathlib import Path; from shallowsight.store.store import Store\n"
        "with Store(Path(sys.argv[1])).exclusive():\n    print('in', flush=True)\n    time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(store.root)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    with pytest.raises(ShallowsightError, match=f"in use by process {child.pid}"), store.exclusive():
        pytest.fail("two runs at once")
    child.kill()
    child.wait()
    with store.exclusive():
        assert (store.root / ".lock").read_text() == str(os.getpid())


def test_exclusive_sweeps_what_a_killed_run_left(store: Store) -> None:
    store.build(MODEL, make_text())
    half = store.root / "cells" / ".building-dddddddddddddddd"
    half.mkdir()
    (half / "part").touch()
    with store.exclusive():
        assert leftovers(store) == [MODEL.digest]
    assert store.is_whole(MODEL)


@pytest.mark.slow
def test_exclusive_leaves_a_step_at_work_alone(store: Store) -> None:
    child = child_that_builds(store, "time.sleep(0.7)")
    wait_until_making(child)
    with store.exclusive():
        assert leftovers(store) == [f".building-{MODEL.digest}"]
    assert child.wait() == 0
    assert store.is_whole(MODEL)
