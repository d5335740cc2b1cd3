"""A process group of our own: started, and ended whole whatever happens."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

import psutil

from shallowsight.cluster.stop_signal import sigterm_as_interrupt

STOP_SECONDS = 30.0  # for every process to end by itself after a stop, training to save its state; then it is killed
_DYING_SECONDS = 5.0  # for the system to clear away what was killed
_LOOK_SECONDS = 0.1
_ENDED = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


@contextmanager
def process_group(
    command: Sequence[str], environment: Mapping[str, str], output: IO[bytes]
) -> "Iterator[subprocess.Popen[bytes]]":
    """The leader of a group that has ended when the block is left.

    SIGTERM to us is a KeyboardInterrupt in the block, as Ctrl-C is. The leader may take the end of its standard input
    for the death of whoever started it.
    """
    with sigterm_as_interrupt():
        leader = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield leader
        finally:
            _end(leader)


def _end(leader: "subprocess.Popen[bytes]") -> None:
    """SIGTERM to all; SIGKILL to what is left after a while, or at once when a second stop is asked for."""
    try:
        with suppress(ProcessLookupError):
            os.killpg(leader.pid, signal.SIGTERM)
        _wait_for_the_end(leader.pid, STOP_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(leader.pid, signal.SIGKILL)
        _wait_for_the_end(leader.pid, _DYING_SECONDS)
        # Not before: nobody else gets the group's number while its leader waits to be reaped.
        leader.wait()
        assert leader.stdin is not None
        leader.stdin.close()


def _wait_for_the_end(group: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while living(group) and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)


def living(group: int) -> list[int]:
    """The processes of a group that still run: not those that only wait to be reaped."""
    found = []
    for process in psutil.process_iter(["status"]):
        with suppress(ProcessLookupError):  # it has just ended
            if os.getpgid(process.pid) == group and process.info["status"] not in _ENDED:
                found.append(process.pid)
    return found
