"""How often something has come before, in sixteen bytes for each different thing, however long its name is."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


def hash_of(text: str) -> bytes:
    """Eight bytes: among a million different texts, two share them in one data set of forty million."""
    return hashes_of(text)[0]


def hashes_of(*texts: str) -> list[bytes]:
    """Of the first text, of the first two, and so on; all but the last one are without a NUL."""
    found, hashed = [], blake2b(digest_size=8)
    for text in texts:
        hashed.update(text.encode("utf-8", "surrogatepass"))
        found.append(hashed.digest())
        hashed.update(b"\0")
    return found


def as_hashes(digests: bytes | bytearray) -> Hashes:
    """What `hash_of` gave, one after the other."""
    return np.frombuffer(bytes(digests), dtype="<u8").astype(np.uint64)


class Occurrences:
    """Counts equal hashes over as many calls as there are."""

    def __init__(self) -> None:
        self._hashes = np.empty(0, np.uint64)  # increasing
        self._counts = np.empty(0, np.int32)
        self._first = np.empty(0, np.int32)

    def __len__(self) -> int:
        """Different ones."""
        return len(self._hashes)

    def add(self, hashes: Hashes, numbers: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """For each: which occurrence this is, from 1, and the number that came with the first one."""
        own, starts, inverse, counts = _group(hashes)
        order = np.argsort(inverse, kind="stable")
        rank = np.empty(len(hashes), np.int64)
        rank[order] = np.arange(len(hashes)) - np.repeat(np.cumsum(counts) - counts, counts)

        known, _, place, _ = _group(np.concatenate([self._hashes, own]))
        old = len(self._hashes)
        totals, first = np.zeros(len(known), np.int32), np.empty(len(known), np.int32)
        first[place[old:]] = numbers[starts]
        first[place[:old]] = self._first  # after the new ones: the older one was first
        totals[place[:old]] = self._counts
        mine = place[old:][inverse]
        occurrence = rank + totals[mine] + 1
        totals[place[old:]] += counts.astype(np.int32)
        self._hashes, self._counts, self._first = known, totals, first
        return occurrence, first[mine]


def _group(hashes: Hashes) -> tuple[Hashes, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The different ones in order, where each is first, which one each is, and how often each is there."""
    return np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
