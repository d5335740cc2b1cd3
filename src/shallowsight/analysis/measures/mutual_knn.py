"""Mutual k-nearest neighbours: whether a picture has the same neighbours at two layers (Huh et al. 2024).

Over a sample of 500 pictures, because every picture is compared with every other: the first 500, and each later one
takes the place of a random one, so that every picture is in the sample with the same probability (Vitter 1985,
algorithm R).
"""

import numpy as np
from numpy.typing import NDArray

from shallowsight.analysis.hsic import Matrix
from shallowsight.analysis.measures.measure import Batch, Found

SAMPLE = 500  # pictures
NEIGHBOURS = 10


class MutualNeighbours:
    """Keeps 500 vectors of each layer in single precision: 49 MB for 24 layers of width 1,024."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self._kept: NDArray[np.float32] = np.zeros(0, np.float32)  # K, SAMPLE, D
        self._pictures = 0

    def add(self, batch: Batch) -> None:
        vectors = batch.pooled
        if not self._pictures:
            self._kept = np.zeros((vectors.shape[0], SAMPLE, vectors.shape[2]), np.float32)
        for number in range(vectors.shape[1]):
            place = self._pictures if self._pictures < SAMPLE else int(self._random.integers(self._pictures + 1))
            if place < SAMPLE:
                self._kept[:, place] = vectors[:, number]
            self._pictures += 1

    def found(self) -> Found:
        sample = min(self._pictures, SAMPLE)
        if sample <= NEIGHBOURS + 1:
            return Found(self._pictures, absent=f"it needs more than {NEIGHBOURS + 1} pictures")
        near = _neighbours(self._kept[:, :sample].astype(np.float64)).reshape(len(self._kept), -1)
        shared = near @ near.T / (sample * NEIGHBOURS)
        chance = NEIGHBOURS / (sample - 1)
        note = f"{NEIGHBOURS} neighbours of each of {sample} pictures; unrelated layers share {chance:.3f}"
        return Found(self._pictures, matrix=shared, note=note)


def _neighbours(vectors_KBD: Matrix) -> Matrix:
    """[K, B, B]: 1 where the second picture is one of the nearest, by cosine, of the first."""
    lengths = np.linalg.norm(vectors_KBD, axis=2, keepdims=True)
    unit = vectors_KBD / np.maximum(lengths, np.finfo(np.float64).tiny)
    near = np.zeros((len(unit), unit.shape[1], unit.shape[1]))
    for layer, marks in zip(unit, near, strict=True):
        likeness = layer @ layer.T
        np.fill_diagonal(likeness, -np.inf)
        np.put_along_axis(marks, np.argpartition(-likeness, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS], 1.0, axis=1)
    return near
