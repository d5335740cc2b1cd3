"""A chunk of consecutive rows of a file, small enough for the memory."""

import json

from shallowsight.data.gate.facts import Facts, Table, facts_of, table_of
from shallowsight.data.gate.records import Record
from shallowsight.data.gate.rows import Row

CHUNK_ROWS = 50_000
CHUNK_BYTES = 64 << 20  # of JSON

_ENCODER = json.JSONEncoder(ensure_ascii=False)


class Chunk:
    """Consecutive rows of one file; a row's place is its number in the chunk, from 0."""

    def __init__(self, label: str, *, texts: bool) -> None:
        """`label` is the file's name in messages.

        `texts`: whether the table has the columns with whole texts, which take as much memory as all others.
        """
        self.label = label
        self.table: Table = table_of([])
        self.conversions: dict[int, tuple[str, ...]] = {}  # place of a converted row -> names of its conversions
        self.causes: dict[tuple[str, int], str] = {}  # (column, place) -> an explanation of the column's value
        self._texts = texts
        # One buffer, because many small texts, chunk after chunk, would fragment the memory.
        self._json, self._ends = bytearray(), [0]
        self._as_found: dict[int, bytes] = {}  # place of a converted row -> its original JSON

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def full(self) -> bool:
        """Whether the next row belongs into a new chunk."""
        return len(self) >= CHUNK_ROWS or len(self._json) >= CHUNK_BYTES

    def add(self, row: Row) -> Facts:
        """Add a row; returns its facts, without those that depend on other rows or on files."""
        if row.conversions:
            self._as_found[len(self)], self.conversions[len(self)] = row.text.encode(), row.conversions
        # In a .json list a record may have several lines, and is then written as one line; others keep their text.
        as_found = not row.conversions and "\n" not in row.text
        self._json += (row.text if as_found else to_line(row.record)).encode()
        self._ends.append(len(self._json))
        facts = facts_of(row.record, file=self.label, number=row.number, texts=self._texts)
        for column, value in zip(self.table.values(), facts, strict=True):
            column.append(value)
        return facts

    def line(self, place: int) -> bytes:
        """The converted record as one line of JSON, without a line break."""
        return bytes(self._json[self._ends[place] : self._ends[place + 1]])

    def text_found(self, place: int) -> bytes:
        """The JSON of the record as it was in the file."""
        return self._as_found.get(place) or self.line(place)

    def name_of(self, place: int) -> str:
        """The row's file and number, for messages."""
        found: str | None = self.table["id"][place]
        return found if found is not None else f"{self.label} row {self.table['number'][place]}"


def to_line(record: Record) -> str:
    """One line of JSON, unescaped unless the text has lone surrogates, which UTF-8 cannot encode."""
    line = _ENCODER.encode(record)
    if not line.isascii():
        try:
            line.encode()
        except UnicodeEncodeError:
            return json.dumps(record)
    return line
