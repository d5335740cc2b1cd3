"""Some rows of a file, as much of them as fits the memory."""

import json

from shallowsight.data.gate.facts import Facts, Table, facts_of, table_of
from shallowsight.data.gate.records import Record
from shallowsight.data.gate.rows import Row

CHUNK_ROWS = 50_000
CHUNK_BYTES = 64 << 20  # of JSON

_ENCODER = json.JSONEncoder(ensure_ascii=False)


class Chunk:
    """Rows of one file that follow each other; a row's place is its number in here, from 0."""

    def __init__(self, label: str, *, texts: bool) -> None:
        """`label` is what the file is called.

        `texts`: whether the table has the columns of whole texts, which take as much memory as all else.
        """
        self.label = label
        self.table: Table = table_of([])
        self.conversions: dict[int, tuple[str, ...]] = {}  # of the converted rows
        self.causes: dict[tuple[str, int], str] = {}  # (column, place) -> what its value cannot tell
        self._texts = texts
        # One buffer: as many small texts, chunk after chunk, would leave the memory full of holes.
        self._json, self._ends = bytearray(), [0]
        self._as_found: dict[int, bytes] = {}  # of the converted rows

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def full(self) -> bool:
        """Whether the next row is for the next chunk."""
        return len(self) >= CHUNK_ROWS or len(self._json) >= CHUNK_BYTES

    def add(self, row: Row) -> Facts:
        """One more row; returns its facts, but for what takes more than the row to know."""
        if row.conversions:
            self._as_found[len(self)], self.conversions[len(self)] = row.text.encode(), row.conversions
        # A list's record may be spread over lines; any other is kept as it is.
        as_found = not row.conversions and "\n" not in row.text
        self._json += (row.text if as_found else to_line(row.record)).encode()
        self._ends.append(len(self._json))
        facts = facts_of(row.record, file=self.label, number=row.number, texts=self._texts)
        for column, value in zip(self.table.values(), facts, strict=True):
            column.append(value)
        return facts

    def line(self, place: int) -> bytes:
        """The record in our form, as one line of JSON without its end."""
        return bytes(self._json[self._ends[place] : self._ends[place + 1]])

    def text_found(self, place: int) -> bytes:
        """The JSON of the record as it was in the file."""
        return self._as_found.get(place) or self.line(place)

    def name_of(self, place: int) -> str:
        """How a person finds this row again."""
        found: str | None = self.table["id"][place]
        return found if found is not None else f"{self.label} row {self.table['number'][place]}"


def to_line(record: Record) -> str:
    """One line of JSON; readable UTF-8 unless the text holds lone surrogates, which UTF-8 cannot carry."""
    line = _ENCODER.encode(record)
    if not line.isascii():
        try:
            line.encode()
        except UnicodeEncodeError:
            return json.dumps(record)
    return line
