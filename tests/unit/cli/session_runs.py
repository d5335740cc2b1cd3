"""A run as the command line starts it."""

import math
from pathlib import Path

from shallowsight.cli import session


def run(
    kind: str,
    out: Path | None,
    *words: str,
    name: str = "quick",
    dry_run: bool = False,
    gpus: int = 0,
    hours: float = math.inf,
) -> None:
    session.run(kind, name, words, None if out is None else str(out), dry_run=dry_run, gpus=gpus, hours=hours)
