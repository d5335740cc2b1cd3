"""The command line in this process, and what it answered."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """How a command ended: its status, and what it wrote to standard output and standard error."""

    status: int
    out: str
    err: str


Run = Callable[..., Ended]
