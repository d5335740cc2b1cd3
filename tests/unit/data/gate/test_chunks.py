"""Rows are checked some at a time: how many at a time changes nothing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from good_rows import Write, row

from shallowsight.data.gate import chunk
from shallowsight.data.gate.gate import gate
from shallowsight.data.gate.images import decode
from shallowsight.data.gate.occurrences import Occurrences, as_hashes, hash_of, hashes_of


def rows() -> list[dict[str, Any]]:
    """A duplicate, an id again, and a picture, good or bad, lie chunks apart."""
    found = [row(n, f"{n % 3}.png") for n in range(12)]
    found[9] = row(1, "1.png")
    found[10] = row(2, "0.png")
    found[3] = row(3, "gone.png")
    found[11] = row(11, "gone.png")
    found[5]["id"] = 5
    found[7]["image"] = ["1.png"]
    return found


@pytest.mark.parametrize(("limit", "value"), [("CHUNK_ROWS", 3), ("CHUNK_ROWS", 5), ("CHUNK_BYTES", 700)])
def test_chunks_change_nothing(
    images: Path, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    files = [write(rows()), write(rows(), "b.jsonl")]
    whole = gate(files, images, tmp_path / "whole", max_bad_share=1)
    assert whole.reasons == {"image_missing": 4, "duplicate": 2}
    monkeypatch.setattr(chunk, limit, value)
    gate(files, images, tmp_path / "parts", max_bad_share=1)
    for file in (tmp_path / "whole").iterdir():
        assert file.read_bytes() == (tmp_path / "parts" / file.name).read_bytes(), file.name


def test_a_picture_is_looked_at_once(
    images: Path, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = decode
    monkeypatch.setattr(
        "shallowsight.data.gate.images.decode", lambda p, limits: (seen.append(p.name), real(p, limits))[1]
    )
    monkeypatch.setattr(chunk, "CHUNK_ROWS", 6)
    gate([write(rows()), write(rows(), "b.jsonl")], images, tmp_path / "out", max_bad_share=1)
    assert sorted(seen) == ["0.png", "1.png", "2.png"]


def test_occurrences_are_those_of_a_plain_count() -> None:
    random = np.random.default_rng(0)
    drawn = random.integers(0, 40, 300).tolist()
    occurrences, seen, at = Occurrences(), dict[int, list[int]](), 0
    while at < len(drawn):
        part = drawn[at : at + int(random.integers(1, 60))]
        numbers = np.arange(at, at + len(part), dtype=np.int32)
        times, first = occurrences.add(as_hashes(b"".join(hash_of(str(n)) for n in part)), numbers)
        for place, number in enumerate(part):
            seen.setdefault(number, []).append(at + place)
            assert times[place] == len(seen[number]) and first[place] == seen[number][0]
        at += len(part)
    assert len(occurrences) == len(seen)
    empty = occurrences.add(as_hashes(b""), np.empty(0, np.int32))
    assert [len(part) for part in empty] == [0, 0]


def test_hashes_tell_apart_where_texts_end() -> None:
    assert hashes_of("a", "bc")[1] != hashes_of("ab", "c")[1]
    assert hashes_of("a", "b")[0] == hash_of("a")
    assert len({json.dumps([int(h) for h in as_hashes(hash_of(t))]) for t in ("", "a", "\ud800")}) == 3
