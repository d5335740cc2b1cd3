"""Linear CKA of patches: each drawn patch is an example of its own."""

from shallowsight.analysis.measures.drawn_patches import DrawnPatches
from shallowsight.analysis.measures.measure import Batch, Found
from shallowsight.analysis.measures.minibatches import MinibatchCka, linear

EACH, SIZE = 4, 256  # patches drawn from a picture; patches in a minibatch, which are of 64 pictures


class CkaOfPatches:
    """Keeps at most 256 vectors of each layer, and the last batch's drawn ones."""

    def __init__(self) -> None:
        self._cka = MinibatchCka(linear, SIZE)
        self._drawn = DrawnPatches(EACH)
        self._pictures = 0

    def add(self, batch: Batch) -> None:
        self._cka.add(self._drawn.of(batch))
        self._pictures += len(batch)

    def found(self) -> Found:
        note = f"{EACH} patches drawn from each picture, minibatches of {SIZE} patches"
        return Found(self._pictures, matrix=self._cka.cka(), note=note)
