"""Encoded sequences in files. Memory holds 40 bytes for each sequence, however long the texts are.

In the file a picture is one token; the sequence gets the picture's N image tokens when it is read.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from shallowsight.data.conversation import IGNORE, IMAGE, Example
from shallowsight.data.shortened import Shortened

_TOKENS, _NAMES, _INDEX = "tokens.bin", "names.jsonl", "examples.bin"
_ENTRY = np.dtype(
    [
        ("first", "<i8"),
        ("stored", "<i4"),
        ("name", "<i8"),
        ("name_bytes", "<i4"),
        ("length", "<i4"),
        ("supervised", "<i4"),
    ]
)


def write_examples(examples: Iterable[Example], folder: Path, image_tokens: int, limit: int) -> Shortened:
    """Write the examples that have an answer within `limit` tokens, image tokens included.

    Returns which examples were cut or left out.

    In `examples` a picture is one IMAGE token.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = Shortened(limit)
    first = name_start = 0
    with (
        (folder / _TOKENS).open("wb") as tokens,
        (folder / _NAMES).open("wb") as names,
        (folder / _INDEX).open("wb") as index,
    ):
        for example in examples:
            length, seen = shorten(example, image_tokens, limit)
            found.add(example.id, length, seen.supervised)
            if not seen.supervised:
                continue
            name = json.dumps([example.id, example.image]).encode()
            entry = (first, len(example.ids), name_start, len(name), len(seen.ids), seen.supervised)
            index.write(np.array(entry, dtype=_ENTRY).tobytes())
            tokens.write(np.array([example.ids, example.labels], dtype=np.int32).tobytes())
            names.write(name + b"\n")
            first, name_start = first + 8 * len(example.ids), name_start + len(name) + 1
    return found


def shorten(example: Example, image_tokens: int, limit: int) -> tuple[int, Example]:
    """The length of an example with all image tokens, and the example cut at `limit`."""
    whole = _expanded(example, image_tokens)
    return len(whole.ids), whole.truncated(limit)


class Examples:
    """Reads the examples that `write_examples` wrote with the same arguments."""

    def __init__(self, folder: Path, image_tokens: int, limit: int) -> None:
        self._entries = np.fromfile(folder / _INDEX, dtype=_ENTRY)
        self._image_tokens, self._limit = image_tokens, limit
        self._tokens = (folder / _TOKENS).open("rb", buffering=0)
        self._names = (folder / _NAMES).open("rb", buffering=0)
        self.lengths = np.ascontiguousarray(self._entries["length"])  # in tokens, image tokens included
        self.supervised = np.ascontiguousarray(self._entries["supervised"])  # labels that carry loss

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, number: int) -> Example:
        entry = self._entries[number]
        stored = int(entry["stored"])
        data = os.pread(self._tokens.fileno(), 8 * stored, int(entry["first"]))
        ids, labels = np.frombuffer(data, dtype=np.int32).reshape(2, stored).tolist()
        name, image = json.loads(os.pread(self._names.fileno(), int(entry["name_bytes"]), int(entry["name"])))
        example = Example(name, image, tuple(ids), tuple(labels))
        return _expanded(example, self._image_tokens).truncated(self._limit)


def _expanded(example: Example, image_tokens: int) -> Example:
    if example.image is None:
        return example
    place = example.ids.index(IMAGE)
    ids = (*example.ids[:place], *[IMAGE] * image_tokens, *example.ids[place + 1 :])
    labels = (*example.labels[:place], *[IGNORE] * image_tokens, *example.labels[place + 1 :])
    return replace(example, ids=ids, labels=labels)
