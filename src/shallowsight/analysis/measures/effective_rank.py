"""How many directions a layer's patches use.

Of the centred matrix of patches with singular values s and covariance eigenvalues e = s^2 / n:
- effective rank: exp of the entropy of s / sum(s) (Roy and Vetterli 2007), between 1 and the width;
- participation ratio: (sum e)^2 / sum e^2, which small eigenvalues hardly change.
"""

import numpy as np
import torch

from shallowsight.analysis.hsic import Matrix
from shallowsight.analysis.measures.drawn_patches import DrawnPatches
from shallowsight.analysis.measures.measure import Batch, Found

EACH = 8  # patches drawn from a picture: neighbours resemble each other, and all of them would cost much more


class EffectiveRank:
    """Keeps K matrices D x D in double precision: 200 MB for 24 layers of width 1,024."""

    def __init__(self) -> None:
        self._drawn = DrawnPatches(EACH)
        self._shift: Matrix | None = None  # K, 1, D; taken off before the products, which would be large otherwise
        self._pictures = self._count = 0
        self._sums: Matrix = np.zeros(0)  # K, D
        self._products: Matrix = np.zeros(0)  # K, D, D

    def add(self, batch: Batch) -> None:
        vectors = self._drawn.of(batch)
        if self._shift is None:
            K, _, D = vectors.shape
            self._shift = vectors.mean(axis=1, keepdims=True)
            self._sums, self._products = np.zeros((K, D)), np.zeros((K, D, D))
        vectors = vectors - self._shift
        self._pictures += len(batch)
        self._count += vectors.shape[1]
        self._sums += vectors.sum(axis=1)
        for products, layer in zip(self._products, vectors, strict=True):
            # By torch: numpy's own threads wait for each other whenever another program computes.
            rows = torch.from_numpy(layer)
            products += (rows.T @ rows).numpy()

    def found(self) -> Found:
        ranks, ratios = [], []
        for products, total in zip(self._products, self._sums, strict=True):
            covariance = products / self._count - np.outer(total, total) / self._count**2
            values = np.maximum(torch.linalg.eigvalsh(torch.from_numpy(covariance)).numpy(), 0.0)
            ranks.append(_effective_rank(values))
            ratios.append(float(values.sum() ** 2 / max((values**2).sum(), np.finfo(np.float64).tiny)))
        profiles = {"effective rank": ranks, "participation ratio": ratios}
        return Found(self._pictures, profiles=profiles, note=f"{EACH} patches drawn from each picture")


def _effective_rank(eigenvalues: Matrix) -> float:
    singular = np.sqrt(eigenvalues)
    shares = singular / max(singular.sum(), np.finfo(np.float64).tiny)
    held = shares[shares > 0]
    return float(np.exp(-(held * np.log(held)).sum()))
