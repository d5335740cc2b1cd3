"""The progress and the messages of a step.

They are lines in the file that the study's display reads, or in the log if there is no such file.
"""

import json
import logging
import os
import time
from collections.abc import Callable

Counted = Callable[[str], Callable[[int, int], None]]  # a task's name -> what is told how many of how many are done

log = logging.getLogger(__name__)

VARIABLE = "SHALLOWSIGHT_PROGRESS"  # path of the file, set by the process that shows the progress
_EVERY = 0.5  # seconds between two lines of one task


class Progress:
    """One task's progress; cheap to call for every item."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._path = os.environ.get(VARIABLE)
        self._last = 0.0

    def __call__(self, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if done < total and now - self._last < _EVERY:
            return
        self._last = now
        if self._path is None:
            log.info("%s: %d of %d %s", self._task, done, total, note)
            return
        _write(self._path, {"task": self._task, "done": done, "total": total, "note": note})


def notice(text: str) -> None:
    """Show a message to the user that is no error."""
    path = os.environ.get(VARIABLE)
    if path is None:
        log.warning("%s", text)
    else:
        _write(path, {"notice": text})


def _write(path: str, said: dict[str, str | int]) -> None:
    handle = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)
    try:
        os.write(handle, (json.dumps(said) + "\n").encode())
    finally:
        os.close(handle)
