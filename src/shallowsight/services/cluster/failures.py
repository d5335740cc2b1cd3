"""Why a training failed: what its processes said, or else what the cluster says."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from shallowsight import errors
from shallowsight.errors import ConfigurationError, Interrupted, MissingPackage, OutOfMemory, ShallowsightError

FAILURE = "failure"  # how the line of a training process begins in which it says why it ends

_TORCHRUN = re.compile(r"[EW]\d{4} \d\d:\d\d:\d\d\.\d+ .*torch/distributed/elastic")
_LAST_LINES = 15


def failure_in(line: str) -> ShallowsightError | None:
    """The error that a line tells of: the name of its type, and its message."""
    if not line.startswith(f'{{"{FAILURE}"'):
        return None
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:  # two processes wrote at once
        return None
    message = str(found.get("message", ""))
    kind = getattr(errors, str(found[FAILURE]), None)
    if kind is OutOfMemory:
        return OutOfMemory(message, found.get("more_passes"))
    if kind is MissingPackage:  # its message is made already
        return ConfigurationError(message)
    if isinstance(kind, type) and issubclass(kind, ShallowsightError):
        return kind(message)
    return ShallowsightError(f"{found[FAILURE]}: {message}")


def first_cause(failures: Iterable[ShallowsightError]) -> ShallowsightError | None:
    """Of what several nodes said: one that was only told to stop is not the cause."""
    said = list(failures)
    return next((each for each in said if not isinstance(each, Interrupted)), said[0] if said else None)


def unexplained(what: str, why: str, said: Sequence[str]) -> ShallowsightError:
    """The error where no process said why; `said` is the end of its log."""
    words = f"its last lines:\n{last_words(said)}" if said else "its log is not to be had"
    return ShallowsightError(
        f"{what} failed: {why}. The same command continues from the last saved state, once the cause is mended; {words}"
    )


def last_words(said: Sequence[str]) -> str:
    """What the processes said at last, without torchrun's own report, which is long and names no reason."""
    lines = list(said)
    own = next((n for n, line in enumerate(lines) if _TORCHRUN.match(line)), len(lines))
    return "\n".join((lines[:own] or lines)[-_LAST_LINES:])
