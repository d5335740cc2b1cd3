"""Read the log of a pod in pieces, without repeating a line.

The log is requested again and again, not followed as a stream: a stream hangs without an error when the API server or
the node's log file changes, and the pieces before and after would have to be joined in the same way.
"""

import time

from shallowsight.cluster.kubernetes.api import Cluster

_OVERLAP = 10  # seconds of the log that are read twice, so that no line is missed


class LogReader:
    """Reads one pod after another."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._pod = ""
        self._last = ""  # the last line that was read, with its time
        self._asked = 0.0  # the time of the last request

    def new_lines(self, pod: str, ended: bool) -> list[str]:
        """The lines that the pod has written since the last call, without times; none if the request fails.

        Args:
            ended: the pod has ended, so that its last line is complete.
        """
        if pod != self._pod:
            self._pod, self._last = pod, ""
        now = time.monotonic()
        # The request gives seconds before now, not a time, because the clocks of machines differ.
        text = self._cluster.log(pod, round(now - self._asked) + _OVERLAP if self._last else None)
        if text is None:
            return []
        self._asked = now
        lines = text.split("\n")
        unfinished = lines.pop()
        if ended and unfinished:
            lines.append(unfinished)
        if self._last and self._last in lines:
            lines = lines[len(lines) - lines[::-1].index(self._last) :]
        if lines:
            self._last = lines[-1]
        return [without_time(line) for line in lines]


def without_time(line: str) -> str:
    """The line as the pod wrote it, without the time that the API server puts before it."""
    return line.partition(" ")[2]
