"""Find the row of a picture by its key, with sixteen bytes of memory for each picture, however long the keys are."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


def hash_keys(keys: Sequence[str]) -> Hashes:
    """The hashes of keys; raises ValueError when a key comes twice, or when two keys have the same hash."""
    hashes = np.array([hash_key(key) for key in keys], dtype=np.uint64)
    if len(np.unique(hashes)) != len(hashes):
        seen: set[str] = set()
        twice = next((key for key in keys if key in seen or seen.add(key)), None)  # type: ignore[func-returns-value]
        raise ValueError(f"image {twice!r} is given twice" if twice else "two image names share a hash; rename one")
    return hashes


class KeyIndex:
    """Maps keys to row numbers, in the order of the hashes."""

    def __init__(self, hashes: Hashes) -> None:
        self._order = np.argsort(hashes)
        self._sorted = hashes[self._order]

    def __len__(self) -> int:
        return len(self._sorted)

    def __contains__(self, key: str) -> bool:
        place = int(np.searchsorted(self._sorted, np.uint64(hash_key(key))))
        return place < len(self._sorted) and int(self._sorted[place]) == hash_key(key)

    def row(self, key: str) -> int:
        """The row number of a key; raises KeyError for an unknown key."""
        if key not in self:
            raise KeyError(key)
        return int(self._order[np.searchsorted(self._sorted, np.uint64(hash_key(key)))])


def hash_key(key: str) -> int:
    """The hash of one key, a number of 64 bits."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")
