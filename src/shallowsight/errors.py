"""Errors a user can cause or meet; each carries the exit status of the command line.

A message says what was asked, what was found, what is allowed and how to mend it.
"""

from typing import ClassVar


class ShallowsightError(Exception):
    """A run failed for a known reason."""

    exit_status: ClassVar[int] = 1


class ConfigurationError(ShallowsightError):
    """What was asked for does not exist or does not fit together."""

    exit_status: ClassVar[int] = 2


class DataRefused(ShallowsightError):
    """The data gate found too many bad rows."""

    exit_status: ClassVar[int] = 3


class Interrupted(ShallowsightError):
    """Stopped by the user or the scheduler; the same command continues."""

    exit_status: ClassVar[int] = 4


class MissingPackage(ConfigurationError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs the package {package!r}; install it with: pip install 'shallowsight[{extra}]'")


class CorruptOutput(ShallowsightError):
    """A stored file does not have the size or sha256 that its cell recorded."""


class StoreUnavailable(ShallowsightError):
    """The object store gave no answer, however often it was asked; nothing is wrong with the request."""


class ClusterUnavailable(ShallowsightError):
    """The API server of the cluster gave no answer, however often it was asked; what runs there goes on."""


class LeaseHeld(ShallowsightError):
    """Somebody else is the one writer that there may be."""


class LossNotFinite(ShallowsightError):
    """Training diverged, or a record poisons it."""


class OutOfMemory(ShallowsightError):
    """A micro-batch does not fit the device."""

    def __init__(self, message: str, more_passes: int | None = None) -> None:
        """`more_passes` than were tried may do; None: it was one sample at a time already."""
        super().__init__(message)
        self.more_passes = more_passes
