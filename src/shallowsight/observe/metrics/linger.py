"""Keep the process of a failed training alive for a while, so that Prometheus can scrape the reason."""

import logging
import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from shallowsight.errors import Interrupted, ShallowsightError

log = logging.getLogger(__name__)

LINGER = "SHALLOWSIGHT_METRICS_LINGER"  # seconds; 0 by default
_LONGER = 15.0  # seconds, added if the error names no reason
_LOOK = 0.1  # seconds between two checks for a signal


def linger_seconds() -> float:
    """The environment's number; a malformed one counts as 0, because metrics must not fail a training."""
    text = os.environ.get(LINGER) or "0"
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        log.warning("%s=%s is not a number of seconds: metrics end with their training", LINGER, text)
        return 0.0
    return seconds


def is_failure(error: BaseException | None) -> bool:
    """Whether an error is a failure. Interrupted is none: the user or the cluster waits for the process to end."""
    return isinstance(error, Exception) and not isinstance(error, Interrupted)


def seconds_for(error: BaseException | None, seconds: float) -> float:
    """How long to stay after this error; longer if it names no reason.

    The exit status of the first node that ends decides whether the cluster restarts all nodes, so a node that knows the
    reason should end first.
    """
    if not seconds or not is_failure(error):
        return 0.0
    knows_why = isinstance(error, ShallowsightError) and type(error) is not ShallowsightError
    return seconds if knows_why else seconds + _LONGER


def linger(seconds: float) -> None:
    """Wait; in the main thread, SIGTERM and SIGINT end the wait at once."""
    until = time.monotonic() + seconds
    with _signals() as came:
        while not came and time.monotonic() < until:
            time.sleep(_LOOK)


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Catch SIGTERM and SIGINT in the block; the list gets the numbers of the signals that arrived."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    previous = {
        number: signal.signal(number, lambda number, frame: came.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield came
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
