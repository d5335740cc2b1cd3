"""The log of a pod, a bit at a time and no line twice.

It is asked for, not followed: a stream of a log hangs without a word when the API server or the node's log file
changes, and has to be joined again in the same way.
"""

import time

from shallowsight.cluster.kubernetes.api import Cluster

_OVERLAP = 10  # seconds, to begin before what was read last


class LogReader:
    """Reads one pod after another."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._pod = ""
        self._last = ""  # the last line that was read, with its time
        self._asked = 0.0  # when

    def new_lines(self, pod: str, ended: bool) -> list[str]:
        """What the pod has written since the last call, without times; nothing where it cannot be had.

        Args:
            ended: nobody writes on at its last line.
        """
        if pod != self._pod:
            self._pod, self._last = pod, ""
        now = time.monotonic()
        # Seconds from now, because the clocks of machines differ.
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
    """The line as it was written; the API server puts its time before it."""
    return line.partition(" ")[2]
