"""Ends a training process whose peers no longer answer; otherwise it would wait, and hold its GPUs, for ever."""

import faulthandler
import logging
import os
import sys
import threading
import time

log = logging.getLogger(__name__)

EXIT_STATUS = 1


class Watchdog:
    """Ends this process when `alive` was not called for `seconds`, after writing the stack of every thread to stderr.

    Does nothing when the training has one process, which waits for no other.
    """

    def __init__(self, seconds: float, processes: int) -> None:
        self._seconds, self._needed = seconds, processes > 1
        self._seen = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> "Watchdog":
        self.alive()
        if self._needed:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def alive(self) -> None:
        self._seen = time.monotonic()

    def _watch(self) -> None:
        while not self._done.wait(min(1.0, self._seconds / 4)):
            if time.monotonic() - self._seen > self._seconds:
                log.error(
                    "no update for %.0f seconds: a process of this training hangs or has ended. Stopping; the same "
                    "command continues from the last saved state. The stack of every thread of this process:",
                    self._seconds,
                )
                faulthandler.dump_traceback(sys.stderr)
                # sys.exit would not end a thread that waits inside a collective operation.
                os._exit(EXIT_STATUS)
