"""Locks of a study folder on one machine; the operating system unlocks them when the process ends, however it ends."""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shallowsight.errors import ShallowsightError
from shallowsight.store.cells import Cell

log = logging.getLogger(__name__)


@contextmanager
def only_run_in(root: Path) -> Iterator[None]:
    """Allow one local run at a time in a study folder; deletes the unfinished cells of killed runs.

    Raises:
        ShallowsightError: another run uses the folder.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ShallowsightError(
                f"{root} is in use by process {lock.read() or 'unknown'}; wait for it or name another --out"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        _delete_unfinished(root / "cells")
        yield


@contextmanager
def lock_of_cell(root: Path, cell: Cell) -> Iterator[None]:
    """One process at a time makes a cell; the others wait for it."""
    folder = root / "cells"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{cell.digest}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("%s is being built by another process; waiting for it", cell)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _delete_unfinished(cells: Path) -> None:
    for left in cells.glob(".building-*"):
        lock = left.with_name(f".{left.name.removeprefix('.building-')}.lock")
        with lock.open("w") as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # a step that was started alone is making this cell
            shutil.rmtree(left, ignore_errors=True)
