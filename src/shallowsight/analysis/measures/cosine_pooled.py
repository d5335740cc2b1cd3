"""Cosine of pooled vectors: of the mean patch of each picture."""

from shallowsight.analysis.measures.cosines import MeanCosine
from shallowsight.analysis.measures.measure import Batch, Found


class CosineOfPooled:
    """Keeps one K x K sum."""

    def __init__(self) -> None:
        self._cosines = MeanCosine()

    def add(self, batch: Batch) -> None:
        self._cosines.add(batch.pooled)

    def found(self) -> Found:
        return Found(self._cosines.examples, matrix=self._cosines.mean())
