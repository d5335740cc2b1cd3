"""Finds the row of a picture by its key, in sixteen bytes a picture whatever the length of the keys."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


def hash_keys(keys: Sequence[str]) -> Hashes:
    """Raises ValueError when a key comes twice (or two keys share a hash, which is as bad)."""
    hashes = np.array([_hash(key) for key in keys], dtype=np.uint64)
    if len(np.unique(hashes)) != len(hashes):
        seen: set[str] = set()
        twice = next((key for key in keys if key in seen or seen.add(key)), None)  # type: ignore[func-returns-value]
        raise ValueError(f"image {twice!r} is given twice" if twice else "two image names share a hash; rename one")
    return hashes


class KeyIndex:
    """From keys to rows, in the order that the hashes were made in."""

    def __init__(self, hashes: Hashes) -> None:
        self._order = np.argsort(hashes)
        self._sorted = hashes[self._order]

    def __len__(self) -> int:
        return len(self._sorted)

    def __contains__(self, key: str) -> bool:
        place = int(np.searchsorted(self._sorted, np.uint64(_hash(key))))
        return place < len(self._sorted) and int(self._sorted[place]) == _hash(key)

    def row(self, key: str) -> int:
        """Raises KeyError for a key that is not there."""
        if key not in self:
            raise KeyError(key)
        return int(self._order[np.searchsorted(self._sorted, np.uint64(_hash(key)))])


def _hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")
