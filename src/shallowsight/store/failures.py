"""The reason why a training failed, which its processes print on their standard output as one JSON line."""

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

FAILURE = "failure"  # the first key of such a line

_TORCHRUN = re.compile(r"[EW]\d{4} \d\d:\d\d:\d\d\.\d+ .*torch/distributed/elastic")
_LAST_LINES = 15
_FINAL = (ConfigurationError, DataRefused, LossNotFinite)


def is_final(error: ShallowsightError) -> bool:
    """Whether a retry would fail in the same way, unless settings, data or the environment change first."""
    return isinstance(error, _FINAL) or (isinstance(error, OutOfMemory) and error.more_passes is None)


def say_failure(error: ShallowsightError) -> None:
    """Print the failure for the process that started this one."""
    more = {"more_passes": error.more_passes} if isinstance(error, OutOfMemory) else {}
    sys.stdout.write(json.dumps({FAILURE: type(error).__name__, "message": str(error), **more}) + "\n")
    sys.stdout.flush()


def failure_in(line: str) -> ShallowsightError | None:
    """The error that a printed line describes; None for every other line."""
    if not line.startswith(f'{{"{FAILURE}"'):
        return None
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:  # two processes wrote at once and mixed their lines
        return None
    return failure_of(str(found[FAILURE]), str(found.get("message", "")), found.get("more_passes"))


def failure_of(name: str, message: str, more_passes: int | None = None) -> ShallowsightError:
    """The error of the named type; for an unknown type a ShallowsightError whose message begins with the name."""
    kind = getattr(errors, name, None)
    if kind is OutOfMemory:
        return OutOfMemory(message, more_passes)
    if kind is MissingPackage:  # its constructor takes a package, and here the message is made already
        return ConfigurationError(message)
    if isinstance(kind, type) and issubclass(kind, ShallowsightError):
        return kind(message)
    return ShallowsightError(f"{name}: {message}")


def last_words(said: Sequence[str]) -> str:
    """The last lines that the processes printed, without torchrun's own report, which is long and gives no reason."""
    lines = list(said)
    own = next((n for n, line in enumerate(lines) if _TORCHRUN.match(line)), len(lines))
    return "\n".join((lines[:own] or lines)[-_LAST_LINES:])
