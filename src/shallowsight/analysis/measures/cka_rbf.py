"""CKA of pooled vectors with a Gaussian kernel, which counts the near pictures of a picture more than the far ones.

The kernel is exp(-d^2 / (2 s^2)). The width s of each layer is 0.8 times the median distance of two pictures in the
first minibatch (Kornblith et al. 2019 tried 0.2, 0.4 and 0.8, and 0.8 was best), and stays so for all pictures.
"""

import numpy as np

from shallowsight.analysis.hsic import Matrix
from shallowsight.analysis.measures.measure import Batch, Found
from shallowsight.analysis.measures.minibatches import MinibatchCka

SIZE = 64  # pictures in a minibatch
FACTOR = 0.8  # of the median distance


class RbfCka:
    """Keeps at most 64 vectors of each layer."""

    def __init__(self) -> None:
        self._cka = MinibatchCka(self._kernel, SIZE)
        self._widths: Matrix | None = None  # K

    def add(self, batch: Batch) -> None:
        self._cka.add(batch.pooled)

    def found(self) -> Found:
        note = f"minibatches of {SIZE} pictures, width {FACTOR} x the median distance in the first"
        return Found(self._cka.examples, matrix=self._cka.cka(), note=note)

    def _kernel(self, vectors_KBD: Matrix) -> Matrix:
        squared = _squared_distances(vectors_KBD)
        widths = self._widths
        if widths is None:
            widths = _widths(squared)
            # A last minibatch that is incomplete is computed when the result is read, and reading changes nothing.
            if vectors_KBD.shape[1] == SIZE:
                self._widths = widths
        return np.asarray(np.exp(-squared / (2 * widths[:, None, None] ** 2)))


def _squared_distances(vectors_KBD: Matrix) -> Matrix:
    centred = vectors_KBD - vectors_KBD.mean(axis=1, keepdims=True)
    products = centred @ centred.transpose(0, 2, 1)
    own = np.diagonal(products, axis1=1, axis2=2)
    return np.asarray(np.maximum(own[:, :, None] + own[:, None, :] - 2 * products, 0.0))


def _widths(squared_KBB: Matrix) -> Matrix:
    pairs = np.triu_indices(squared_KBB.shape[1], 1)
    median = np.median(np.sqrt(squared_KBB[:, pairs[0], pairs[1]]), axis=1)
    return np.asarray(FACTOR * np.maximum(median, np.finfo(np.float64).tiny))
