"""Orthogonal Procrustes similarity of neighbouring layers: how well one becomes the other by a rotation and a scale.

For the centred pooled vectors X and Y of two layers: the nuclear norm of X^T Y over the product of the Frobenius norms
of X and Y; 1 when a rotation and a scale turn one into the other (Ding et al. 2021; Williams et al. 2021 call its
arc cosine the angular distance).

Why not SVCCA or PWCCA: both divide by a covariance, which can be computed only from many more pictures than the width
(1,024 and more), and they see directions that hold almost nothing as large as those that hold everything. Why
neighbours only: a pair of layers takes D x D numbers, all pairs of 24 layers of width 1,024 would take 2.3 GB.
"""

from math import sqrt

import numpy as np
import torch

from shallowsight.analysis.hsic import Matrix
from shallowsight.analysis.measures.measure import Batch, Found


class Procrustes:
    """Keeps K - 1 matrices D x D in double precision: 190 MB for 24 layers of width 1,024."""

    def __init__(self) -> None:
        self._shift: Matrix | None = None  # K, 1, D; taken off before the products, which would be large otherwise
        self._count = 0
        self._sums: Matrix = np.zeros(0)  # K, D
        self._squares: Matrix = np.zeros(0)  # K
        self._crosses: Matrix = np.zeros(0)  # K - 1, D, D

    def add(self, batch: Batch) -> None:
        vectors = batch.pooled
        if self._shift is None:
            K, _, D = vectors.shape
            self._shift = vectors.mean(axis=1, keepdims=True)
            self._sums, self._squares, self._crosses = np.zeros((K, D)), np.zeros(K), np.zeros((K - 1, D, D))
        vectors = vectors - self._shift
        self._count += vectors.shape[1]
        self._sums += vectors.sum(axis=1)
        self._squares += (vectors**2).sum(axis=(1, 2))
        rows = torch.from_numpy(vectors)
        for k, cross in enumerate(self._crosses):
            # By torch: numpy's own threads wait for each other whenever another program computes.
            cross += (rows[k].T @ rows[k + 1]).numpy()

    def found(self) -> Found:
        means = self._sums / self._count
        lengths = self._squares - self._count * (means**2).sum(axis=1)
        values = []
        for k, cross in enumerate(self._crosses):
            centred = cross - self._count * np.outer(means[k], means[k + 1])
            nuclear = float(torch.linalg.svdvals(torch.from_numpy(centred)).sum())
            values.append(nuclear / sqrt(max(lengths[k] * lengths[k + 1], np.finfo(np.float64).tiny)))
        note = "with fewer pictures than the width, too large: chance directions can be turned onto each other too"
        return Found(self._count, profiles={"similarity to the next layer": values}, note=note)
