"""The rows of a data file in our form: every reader of users' records begins here."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from shallowsight.data.gate.conversions import convert
from shallowsight.data.gate.records import Record, read_texts


class Row(NamedTuple):
    """One record in our form, unless it cannot be converted."""

    number: int  # in its file, from 1
    record: Record
    text: str  # JSON as it stands in the file
    conversions: tuple[str, ...]


def read_rows(path: Path, refused: Collection[str] = (), called: str | None = None) -> Iterator[Row]:
    """Every row in file order, converted but for `refused` conversions; raises as `read_texts`.

    `called` is the file's name in the ids of rows that have none, where it is not the path's.
    """
    name = called or path.name
    for number, found, text in read_texts(path):
        record, conversions = convert(found, f"{name} row {number}", refused)
        yield Row(number, record, text, conversions)
