"""Linear CKA of pooled vectors: of the mean patch of each picture."""

from shallowsight.analysis.measures.measure import Batch, Found
from shallowsight.analysis.measures.minibatches import MinibatchCka, linear

SIZE = 64  # pictures in a minibatch


class CkaOfPooled:
    """Keeps at most 64 vectors of each layer."""

    def __init__(self) -> None:
        self._cka = MinibatchCka(linear, SIZE)

    def add(self, batch: Batch) -> None:
        self._cka.add(batch.pooled)

    def found(self) -> Found:
        return Found(self._cka.examples, matrix=self._cka.cka(), note=f"minibatches of {SIZE} pictures")
