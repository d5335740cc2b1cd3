"""Lines that survive this machine: those of each process are put into an object of a bucket now and then.

The twin for a folder is store/lines.py. One cannot append to an object, so each process has one of its own.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from shallowsight.errors import ShallowsightError
from shallowsight.store.lines import Lines
from shallowsight.store.objects.objects import Objects

log = logging.getLogger(__name__)

PUT_SECONDS = 60.0  # between two writes of the object; a process that is killed loses no more than came since


def object_of_process() -> str:
    """The name of an object to which no other process writes; names of later processes sort behind it."""
    return f"{time.time_ns()}-{os.getpid()}-{uuid4().hex[:8]}.jsonl"


@contextmanager
def shared_lines(objects: Objects, folder: str, path: Path) -> Iterator[Lines]:
    """The lines of all objects below `folder` and of the file `path`; appended ones are put into a new object.

    They are put every `PUT_SECONDS` and when the block ends, whatever ends it. A bucket that does not answer then is
    logged, and the next write has these lines too.

    Raises:
        StoreUnavailable: the objects cannot be read.
    """
    lines = _SharedLines(objects, folder, path)
    ended = threading.Event()
    # A thread, because a bucket that is away may take a minute to be given up, and so may the next lines to come.
    putting = threading.Thread(target=lines.put_often, args=(ended,), name=f"put {folder}", daemon=True)
    putting.start()
    try:
        yield lines
    finally:
        ended.set()
        putting.join()
        lines.put()


class _SharedLines(Lines):
    def __init__(self, objects: Objects, folder: str, path: Path) -> None:
        super().__init__(path)
        self._objects, self._key = objects, f"{folder}/{object_of_process()}"
        here, kept = self.found, [(objects.get_bytes(key) or b"").splitlines() for key in objects.keys(f"{folder}/")]
        there = dict.fromkeys(line for lines in kept for line in lines)
        # What a killed process of this machine did not put any more goes with the lines of this one.
        self._own = [line for line in here if line not in there]
        self.found = (*there, *self._own)
        self._count = 0  # of the lines in the object

    def append(self, lines: str) -> None:
        super().append(lines)
        self._own += lines.encode().splitlines()

    def put_often(self, ended: threading.Event) -> None:
        while not ended.wait(PUT_SECONDS):
            self.put()

    def put(self) -> None:
        own = tuple(self._own)  # the other thread may append meanwhile
        if not (missing := len(own) - self._count):
            return
        try:
            self._objects.put_bytes(self._key, b"".join(line + b"\n" for line in own))
        except (ShallowsightError, OSError) as fault:
            log.warning("%s: %d of %d lines are not in the store yet: %s", self._key, missing, len(own), fault)
        else:
            self._count = len(own)
