"""Count how often a text has come before, with sixteen bytes of memory for each different text of any length."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


def hash_of(text: str) -> bytes:
    """A hash of eight bytes: of forty million data sets of a million texts, one has two texts with the same hash."""
    return hashes_of(text)[0]


def hashes_of(*texts: str) -> list[bytes]:
    """The hashes of the first text, of the first two texts, and so on; only the last text may contain NUL."""
    found, hashed = [], blake2b(digest_size=8)
    for text in texts:
        hashed.update(text.encode("utf-8", "surrogatepass"))
        found.append(hashed.digest())
        hashed.update(b"\0")
    return found


def as_hashes(digests: bytes | bytearray) -> Hashes:
    """An array of hashes from the concatenated results of `hash_of`."""
    return np.frombuffer(bytes(digests), dtype="<u8").astype(np.uint64)


class Occurrences:
    """Counts equal hashes over all calls."""

    def __init__(self) -> None:
        self._hashes = np.empty(0, np.uint64)  # increasing
        self._counts = np.empty(0, np.int32)
        self._first = np.empty(0, np.int32)

    def __len__(self) -> int:
        """The number of different hashes."""
        return len(self._hashes)

    def add(self, hashes: Hashes, numbers: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """For each hash: the number of this occurrence, from 1, and the number that came with the first occurrence."""
        own, starts, inverse, counts = _group(hashes)
        order = np.argsort(inverse, kind="stable")
        rank = np.empty(len(hashes), np.int64)
        rank[order] = np.arange(len(hashes)) - np.repeat(np.cumsum(counts) - counts, counts)

        known, _, place, _ = _group(np.concatenate([self._hashes, own]))
        old = len(self._hashes)
        totals, first = np.zeros(len(known), np.int32), np.empty(len(known), np.int32)
        first[place[old:]] = numbers[starts]
        first[place[:old]] = self._first  # overwrites the new numbers of hashes that came in an earlier call
        totals[place[:old]] = self._counts
        mine = place[old:][inverse]
        occurrence = rank + totals[mine] + 1
        totals[place[old:]] += counts.astype(np.int32)
        self._hashes, self._counts, self._first = known, totals, first
        return occurrence, first[mine]


def _group(hashes: Hashes) -> tuple[Hashes, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The sorted distinct hashes, the index of the first of each, the index of each in them, and their counts."""
    return np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
