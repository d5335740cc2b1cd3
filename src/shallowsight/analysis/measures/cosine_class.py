"""Cosine of the class token."""

import torch

from shallowsight.analysis.measures.cosines import MeanCosine
from shallowsight.analysis.measures.measure import Batch, Found


class CosineOfClassTokens:
    """Keeps one K x K sum."""

    def __init__(self) -> None:
        self._cosines = MeanCosine()

    def add(self, batch: Batch) -> None:
        if batch.class_tokens is not None:
            self._cosines.add(torch.stack(list(batch.class_tokens)).double().cpu().numpy())

    def found(self) -> Found:
        if not self._cosines.examples:
            return Found(0, absent="the tower has no class token")
        return Found(self._cosines.examples, matrix=self._cosines.mean())
