"""A process whose training has failed stays a little longer, so that Prometheus hears why."""

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

LINGER = "SHALLOWSIGHT_METRICS_LINGER"  # seconds; 0 when left out
_LONGER = 15.0  # seconds
_LOOK = 0.1  # seconds between two looks for a signal


def linger_seconds() -> float:
    """What the environment says; nonsense counts as 0, because metrics fail no training."""
    text = os.environ.get(LINGER) or "0"
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        log.warning("%s=%s are no seconds: metrics end with their training", LINGER, text)
        return 0.0
    return seconds


def is_failure(error: BaseException | None) -> bool:
    """A stop is none: whoever asked for it is waiting."""
    return isinstance(error, Exception) and not isinstance(error, Interrupted)


def seconds_for(error: BaseException | None, seconds: float) -> float:
    """How long to stay after this error; longer where it names no reason.

    Of several nodes the first that ends decides whether the cluster starts them again: let it be one that knows.
    """
    if not seconds or not is_failure(error):
        return 0.0
    knows_why = isinstance(error, ShallowsightError) and type(error) is not ShallowsightError
    return seconds if knows_why else seconds + _LONGER


def linger(seconds: float) -> None:
    """Wait; SIGTERM and SIGINT end it at once (in the main thread)."""
    until = time.monotonic() + seconds
    with _signals() as came:
        while not came and time.monotonic() < until:
            time.sleep(_LOOK)


@contextmanager
def _signals() -> Iterator[list[int]]:
    """The numbers of those that came; nothing else becomes of them."""
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
