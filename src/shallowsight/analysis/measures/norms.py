"""Lengths of patch vectors, and patches that are far longer than the others of their picture.

Large ViTs keep global information in a few patches of background, which are about ten times as long as the others
(Darcet et al. 2024, "Vision transformers need registers"); a model that reads such a layer finds no picture in them.
The paper's threshold, 150, is for one model; here a patch counts that is longer than three times the median of its own
picture.
"""

import numpy as np
import torch

from shallowsight.analysis.hsic import Matrix
from shallowsight.analysis.measures.measure import Batch, Found

OUTLIER = 3.0  # times the median of the picture


class Norms:
    """Keeps three numbers of each layer."""

    def __init__(self) -> None:
        self._pictures = self._patches = 0
        self._sums: Matrix | float = 0.0
        self._largest: Matrix | float = 0.0
        self._outliers: Matrix | float = 0.0

    def add(self, batch: Batch) -> None:
        lengths = torch.stack([torch.linalg.vector_norm(layer.float(), dim=-1).double() for layer in batch.patches])
        every: Matrix = lengths.cpu().numpy()  # K, B, N
        self._pictures += every.shape[1]
        self._patches += every.shape[1] * every.shape[2]
        self._sums = self._sums + every.sum(axis=(1, 2))
        self._largest = np.maximum(self._largest, every.max(axis=(1, 2)))
        limit = OUTLIER * np.median(every, axis=2, keepdims=True)
        self._outliers = self._outliers + (every > limit).sum(axis=(1, 2))

    def found(self) -> Found:
        profiles = {
            "mean": np.asarray(self._sums / self._patches).tolist(),
            "largest": np.asarray(self._largest).tolist(),
            "share of outliers": np.asarray(self._outliers / self._patches).tolist(),
        }
        return Found(
            self._pictures, profiles=profiles, note=f"outlier: longer than {OUTLIER:g} x the median of its picture"
        )
