"""Cosine of patches: the measure that decides about groups, over any number of pictures."""

import torch
import torch.nn.functional as F

from shallowsight.analysis.measures.cosines import MeanCosine
from shallowsight.analysis.measures.measure import Batch, Found


class CosineOfPatches:
    """Keeps one K x K sum."""

    def __init__(self) -> None:
        self._cosines = MeanCosine()
        self._pictures = 0

    def add(self, batch: Batch) -> None:
        B, N, D = batch.patches[0].shape
        K = len(batch.patches)
        unit = torch.empty(B, K, N * D, device=batch.patches[0].device)
        for k, layer in enumerate(batch.patches):
            unit[:, k] = F.normalize(layer.float(), dim=-1).reshape(B, -1)
        each = unit @ unit.transpose(1, 2)  # of one picture in single precision, the sum over pictures in double
        self._cosines.add_sum(each.double().sum(dim=0).cpu().numpy(), B * N)
        self._pictures += B

    def found(self) -> Found:
        return Found(self._pictures, matrix=self._cosines.mean())
