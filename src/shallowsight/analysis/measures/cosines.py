"""The mean over examples of the cosine between two layers' vectors of the same example."""

import numpy as np

from shallowsight.analysis.hsic import Matrix


class MeanCosine:
    """Keeps one K x K sum. Shapes: K layers, B examples, D width."""

    def __init__(self) -> None:
        self._sum: Matrix | None = None
        self.examples = 0

    def add(self, vectors_KBD: Matrix) -> None:
        """A vector of length 0 has the cosine 0 with everything."""
        lengths = np.linalg.norm(vectors_KBD, axis=2, keepdims=True)
        unit = vectors_KBD / np.maximum(lengths, np.finfo(np.float64).tiny)
        flat = unit.reshape(len(unit), -1)
        self.add_sum(flat @ flat.T, vectors_KBD.shape[1])

    def add_sum(self, sum_KK: Matrix, examples: int) -> None:
        """Add the sum of the cosines of some examples."""
        self._sum = sum_KK if self._sum is None else self._sum + sum_KK
        self.examples += examples

    def mean(self) -> Matrix:
        """[K, K].

        Raises:
            ValueError: nothing was added.
        """
        if self._sum is None:
            raise ValueError("no examples were added")
        return np.asarray(self._sum / self.examples)
