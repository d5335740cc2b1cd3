"""Why a training failed, as its processes say it on their standard output: one JSON line."""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

from shallowsight import errors
from shallowsight.errors import (
    ConfigurationError,
    DataRefused,
    LossNotFinite,
    MissingPackage,
    OutOfMemory,
    ShallowsightError,
)

FAILURE = "failure"  # how such a line begins

_TORCHRUN = re.compile(r"[EW]\d{4} \d\d:\d\d:\d\d\.\d+ .*torch/distributed/elastic")
_LAST_LINES = 15
_FINAL = (ConfigurationError, DataRefused, LossNotFinite)


def is_final(error: ShallowsightError) -> bool:
    """Whether the same would happen again: settings, data or the environment have to change first."""
    return isinstance(error, _FINAL) or (isinstance(error, OutOfMemory) and error.more_passes is None)


def say_failure(error: ShallowsightError) -> None:
    """For whoever started this process."""
    more = {"more_passes": error.more_passes} if isinstance(error, OutOfMemory) else {}
    sys.stdout.write(json.dumps({FAILURE: type(error).__name__, "message": str(error), **more}) + "\n")
    sys.stdout.flush()


def failure_in(line: str) -> ShallowsightError | None:
    """The error that a line tells of: the name of its type, and its message."""
    if not line.startswith(f'{{"{FAILURE}"'):
        return None
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:  # two processes wrote at once
        return None
    return failure_of(str(found[FAILURE]), str(found.get("message", "")), found.get("more_passes"))


def failure_of(name: str, message: str, more_passes: int | None = None) -> ShallowsightError:
    """The error of that type; a name that is none of ours stands before the message."""
    kind = getattr(errors, name, None)
    if kind is OutOfMemory:
        return OutOfMemory(message, more_passes)
    if kind is MissingPackage:  # its message is made already
        return ConfigurationError(message)
    if isinstance(kind, type) and issubclass(kind, ShallowsightError):
        return kind(message)
    return ShallowsightError(f"{name}: {message}")


def last_words(said: Sequence[str]) -> str:
    """What the processes said at last, without torchrun's own report, which is long and names no reason."""
    lines = list(said)
    own = next((n for n, line in enumerate(lines) if _TORCHRUN.match(line)), len(lines))
    return "\n".join((lines[:own] or lines)[-_LAST_LINES:])
