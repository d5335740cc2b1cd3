"""The converted rows of a data file, for every reader of users' records."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from shallowsight.data.gate.conversions import convert
from shallowsight.data.gate.records import Record, read_texts


class Row(NamedTuple):
    """One record, converted unless that is impossible."""

    number: int  # in its file, from 1
    record: Record
    text: str  # its JSON text in the file
    conversions: tuple[str, ...]


def read_rows(path: Path, refused: Collection[str] = (), called: str | None = None) -> Iterator[Row]:
    """Every row in file order, converted without the `refused` conversions; raises as `read_texts`.

    `called` is the file's name in the ids that are made for rows without one; by default that of the path.
    """
    name = called or path.name
    for number, found, text in read_texts(path):
        record, conversions = convert(found, f"{name} row {number}", refused)
        yield Row(number, record, text, conversions)
