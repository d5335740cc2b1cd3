"""Some patches of each picture, drawn at random: the same places at every layer."""

import numpy as np
import torch

from shallowsight.analysis.hsic import Matrix
from shallowsight.analysis.measures.measure import Batch


class DrawnPatches:
    """Draws `count` patches of each picture without putting any back; all patches of a picture that has no more."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._random = np.random.default_rng(0)

    def of(self, batch: Batch) -> Matrix:
        """[K, B x count, D]."""
        B, N, _ = batch.patches[0].shape
        count = min(self._count, N)
        places = np.stack([self._random.permutation(N)[:count] for _ in range(B)])
        rows, columns = torch.arange(B)[:, None], torch.from_numpy(places)
        drawn: Matrix = (
            torch.stack([layer[rows, columns].flatten(0, 1) for layer in batch.patches]).double().cpu().numpy()
        )
        return drawn
