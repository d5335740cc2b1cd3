"""Start a process group, and end all of its processes whatever happens."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

import psutil

from shallowsight.cluster.stop_signal import sigterm_as_interrupt

STOP_SECONDS = 30.0  # in which processes may end, and trainings save their states, after SIGTERM and before SIGKILL
_DYING_SECONDS = 5.0  # in which the system removes killed processes
_LOOK_SECONDS = 0.1
_ENDED = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


@contextmanager
def process_group(
    command: Sequence[str], environment: Mapping[str, str], output: IO[bytes]
) -> "Iterator[subprocess.Popen[bytes]]":
    """The leader of a new process group; all processes of the group have ended when the block ends.

    SIGTERM to this process raises KeyboardInterrupt in the block, as Ctrl-C does. The leader's standard input closes
    when this process dies, by which the leader can notice the death.
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
    """Send SIGTERM to all processes, and SIGKILL after a while, or at once after a second Ctrl-C or SIGTERM."""
    try:
        with suppress(ProcessLookupError):
            os.killpg(leader.pid, signal.SIGTERM)
        _wait_for_the_end(leader.pid, STOP_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(leader.pid, signal.SIGKILL)
        _wait_for_the_end(leader.pid, _DYING_SECONDS)
        # Only now: as long as the leader has not been waited for, no new group can get the same number.
        leader.wait()
        assert leader.stdin is not None
        leader.stdin.close()


def _wait_for_the_end(group: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while living(group) and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)


def living(group: int) -> list[int]:
    """The running processes of a group, without zombies."""
    found = []
    for process in psutil.process_iter(["status"]):
        with suppress(ProcessLookupError):  # the process has just ended
            if os.getpgid(process.pid) == group and process.info["status"] not in _ENDED:
                found.append(process.pid)
    return found
