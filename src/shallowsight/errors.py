"""Errors that a user can cause or meet; each type has an exit status for the command line.

A message says what was asked, what was found, what is allowed and how to mend it.
"""

from typing import ClassVar


def first_line(error: Exception) -> str:
    """The first line of another library's message, or the error's kind where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


class ShallowsightError(Exception):
    """A run failed for a known reason."""

    exit_status: ClassVar[int] = 1


class ConfigurationError(ShallowsightError):
    """Something that the user named does not exist, or values do not fit together."""

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
    """The object store gave no answer after all retries; the request may be right."""


class ClusterUnavailable(ShallowsightError):
    """The API server of the cluster gave no answer after all retries; trainings that run there go on."""


class LeaseHeld(ShallowsightError):
    """Another process holds the lease, and only its holder may write."""


class LossNotFinite(ShallowsightError):
    """The loss or the gradients are not finite: the training diverged, or a record is harmful."""


class OutOfMemory(ShallowsightError):
    """A micro-batch does not fit the device."""

    def __init__(self, message: str, more_passes: int | None = None) -> None:
        """`more_passes` is a larger number of passes that may fit; None: a pass had only one sample already."""
        super().__init__(message)
        self.more_passes = more_passes
