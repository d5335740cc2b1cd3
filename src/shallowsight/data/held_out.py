"""Chooses the training records that are held out: the model is measured on them while it learns from the others.

Records that show the same picture stay together, so that no training record shows a picture that is held out.
"""

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from shallowsight.data.keys import hash_key
from shallowsight.data.records import Record, read_jsonl

FEWEST_RECORDS = 25  # of fewer records none is held out
MOST_QUESTIONS = 400  # all kinds together: the standard error of a share is then 2.5 % or less
_FILE = "held_out.jsonl"

Unit = int  # a hash of a picture's key, or of the id of a record without a picture


def held_out_file(folder: Path) -> Path:
    """The file of the held-out records in a prepared folder, in the form of `finetune.jsonl`."""
    return folder / _FILE


def read_held_out(folder: Path) -> Iterator[Record]:
    """The held-out records of a prepared folder."""
    return read_jsonl(held_out_file(folder))


def unit_of(record: Record) -> Unit:
    """What a record is held out with: equal for all records that show one picture."""
    image = record.get("image")
    return hash_key(f"image {image}" if image else f"record {record['id']}")


def choose(records: Iterable[Record], share: float) -> frozenset[Unit]:
    """The units to hold out: about `share` of the records, and at most MOST_QUESTIONS questions.

    The choice depends on keys and ids, not on the order of the records. Units are taken in the order of their hashes,
    which is evenly spread over all sources; a unit that no longer fits is passed over.
    """
    units, asked = array("Q"), array("q")
    for record in records:
        units.append(unit_of(record))
        asked.append(len(record["conversations"]) // 2)
    if len(units) < FEWEST_RECORDS:
        return frozenset()
    hashes, unit = np.unique(np.array(units), return_inverse=True)
    sizes = zip(np.bincount(unit), np.bincount(unit, weights=asked), strict=True)
    most_records, most_questions, chosen = round(share * len(units)), MOST_QUESTIONS, set()
    for number, (count, questions) in enumerate(sizes):
        if count <= most_records and questions <= most_questions:
            chosen.add(int(hashes[number]))
            most_records, most_questions = most_records - int(count), most_questions - int(questions)
        if not most_records or not most_questions:
            break
    return frozenset(chosen)


def withheld(records: float, questions: float, share: float) -> float:
    """About how many of so many records with so many questions each are held out; for a forecast."""
    return min(share * records, MOST_QUESTIONS / max(1.0, questions)) if records >= FEWEST_RECORDS else 0.0
