"""Read a data file as chunks of checked rows. Each record is read once, and each picture of a file is checked once.

A chunk holds the texts of its rows, not their objects, and memory holds one chunk, whatever the number of rows.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from shallowsight.data.gate.chunk import Chunk
from shallowsight.data.gate.pictures import Pictures
from shallowsight.data.gate.repeats import Duplicates, Repeats
from shallowsight.data.gate.rows import read_rows


class FileChecker:
    """Reads one file. Duplicates are looked for within the file only, because files of two stages may share rows."""

    def __init__(
        self,
        file: Path,
        label: str,
        pictures: Pictures,
        duplicates: Duplicates,
        refused: Collection[str],
        *,
        texts: bool,
    ) -> None:
        """`label` is the file's name in messages. `texts`: whether the tables have the columns with whole texts."""
        self._file, self._label = file, label
        self.repeats = Repeats(duplicates)
        self._pictures, self._refused, self._texts = pictures, refused, texts

    def chunks(self) -> Iterator[Chunk]:
        """All rows in file order; raises as `read_rows` and `Pictures.look`."""
        chunk, named = Chunk(self._label, texts=self._texts), list[str | None]()
        for row in read_rows(self._file, self._refused, self._label):
            facts = chunk.add(row)
            self.repeats.add(row)
            named.append(row.record["image"] if facts.image_type == "text" else None)
            if chunk.full:
                yield self._finish(chunk, named)
                chunk, named = Chunk(self._label, texts=self._texts), []
        if len(chunk):
            yield self._finish(chunk, named)

    def _finish(self, chunk: Chunk, named: Sequence[str | None]) -> Chunk:
        """Fill the columns of the table that depend on other rows or on picture files."""
        table = chunk.table
        table["occurrence"], first = self.repeats.count(table["number"])
        faults = self._pictures.look([name for name in dict.fromkeys(named) if name is not None], self._label)
        table["image_status"] = [
            "none" if name is None else faults[name][0] if name in faults else "ok" for name in named
        ]
        for place, (name, time) in enumerate(zip(named, table["occurrence"], strict=True)):
            if time > 1:
                chunk.causes["occurrence", place] = f"the same as row {first[place]}"
            if name in faults:
                chunk.causes["image_status", place] = faults[name][1]
        return chunk
