"""Find repeated rows of one file."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np

from shallowsight.data.gate.occurrences import Occurrences, as_hashes, hashes_of
from shallowsight.data.gate.records import Record
from shallowsight.data.gate.rows import Row

Duplicates = Literal["row", "pair"]


class Repeats:
    """Counts how often each row of a file has come before, chunk after chunk.

    "row": rows are equal if id, image and conversation are; "pair": if id and image are. An id that the gate made does
    not count, so rows without an id are equal if image and conversation are.
    """

    def __init__(self, duplicates: Duplicates) -> None:
        self.notes: Counter[str] = Counter()  # counts of repetitions that are no fault
        self._duplicates = duplicates
        self._rows, self._pairs, self._ids = Occurrences(), Occurrences(), Occurrences()
        self._new_rows, self._new_pairs, self._new_ids = bytearray(), bytearray(), bytearray()
        self._with_id: list[bool] = []

    def add(self, row: Row) -> None:
        """Add a row of the chunk."""
        record = row.record
        identity = None if "made_id" in row.conversions else record.get("id")
        of_id, of_pair, of_row = hashes_of(repr(identity), repr(record.get("image")), _said(record))
        self._with_id.append(identity is not None)
        self._new_ids += of_id
        self._new_pairs += of_pair
        self._new_rows += of_row if self._duplicates == "row" or identity is None else of_pair

    def count(self, numbers: Sequence[int]) -> tuple[list[int], list[int]]:
        """For each row of the chunk, the number of this occurrence, from 1, and the row number of the first occurrence.

        Afterwards a new chunk starts.

        Args:
            numbers: the row numbers, in their file, of the rows that were added.
        """
        number, named = np.array(numbers, dtype=np.int32), np.array(self._with_id)
        times, first = self._rows.add(as_hashes(self._new_rows), number)
        pair_times, _ = self._pairs.add(as_hashes(self._new_pairs)[named], number[named])
        id_times, _ = self._ids.add(as_hashes(self._new_ids)[named], number[named])
        again = (times[named] == 1) & (id_times > 1)
        self.notes["id_again_same_image"] += int((again & (pair_times > 1)).sum())
        self.notes["id_again_other_image"] += int((again & (pair_times == 1)).sum())
        for part in (self._new_rows, self._new_pairs, self._new_ids, self._with_id):
            part.clear()
        return times.tolist(), first.tolist()


def _said(record: Record) -> str:
    """The roles and texts of all turns, without their other keys.

    The lengths come first, because no character can separate the texts: each may be in a text.
    """
    try:
        texts = [turn[key] for turn in record["conversations"] for key in ("from", "value")]
        return f"{[len(text) for text in texts]}\0{''.join(texts)}"
    except (KeyError, TypeError):
        return repr(record.get("conversations"))
