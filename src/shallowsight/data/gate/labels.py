"""Unique names for data files in messages and outputs: two files in different folders may have the same name."""

from collections.abc import Sequence
from pathlib import Path


def labels_of(files: Sequence[Path]) -> list[str]:
    """The name of each file; a second file with the same name becomes `name (2)`, in the order given."""
    return _numbered([file.name for file in files], "{} ({})")


def stems_of(files: Sequence[Path]) -> list[str]:
    """The names, without an ending, of the outputs for each file: `train`, `train-2`."""
    return _numbered([file.stem for file in files], "{}-{}")


def _numbered(names: Sequence[str], pattern: str) -> list[str]:
    """Add the next free number to a name that was used before; another file's original name is not free."""
    found: list[str] = []
    for name in names:
        free, number = name, 1
        while free in found or (number > 1 and free in names):
            number += 1
            free = pattern.format(name, number)
        found.append(free)
    return found
