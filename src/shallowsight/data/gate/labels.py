"""What the gate calls files: two of them may have one name, in different folders."""

from collections.abc import Sequence
from pathlib import Path


def labels_of(files: Sequence[Path]) -> list[str]:
    """The name of each file; the second of a name is `name (2)`, in the order given."""
    return _numbered([file.name for file in files], "{} ({})")


def stems_of(files: Sequence[Path]) -> list[str]:
    """What the outputs of each file are called, without an ending: `train`, `train-2`."""
    return _numbered([file.stem for file in files], "{}-{}")


def _numbered(names: Sequence[str], pattern: str) -> list[str]:
    """Those that are there already get the next free number; the own name of another one is not free."""
    found: list[str] = []
    for name in names:
        free, number = name, 1
        while free in found or (number > 1 and free in names):
            number += 1
            free = pattern.format(name, number)
        found.append(free)
    return found
