"""CKA over any number of examples: HSIC is estimated without bias in minibatches and averaged (Nguyen et al. 2021).

The mean of unbiased estimates is unbiased, so the size of a minibatch changes how much the result varies, but not what
it tends to. This holds when examples come in random order: neighbours in an ordered folder are alike, and a minibatch
of them shows less than the whole.

Shapes: K layers, B examples, D width.
"""

from collections.abc import Callable

import numpy as np

from shallowsight.analysis.hsic import LEAST_IMAGES, Matrix, ratio, unbiased_hsic

Kernel = Callable[[Matrix], Matrix]  # [K, B, D] -> [K, B, B]; the diagonals are ignored


class MinibatchCka:
    """Keeps at most `size` vectors of each layer, and one K x K sum."""

    def __init__(self, kernel: Kernel, size: int) -> None:
        self._kernel, self._size = kernel, size
        self._waiting: Matrix | None = None  # K, fewer than size, D
        self._sum: Matrix | float = 0.0
        self._weight = 0

    def add(self, vectors_KBD: Matrix) -> None:
        """The minibatches do not depend on how the examples are put into calls."""
        held = vectors_KBD if self._waiting is None else np.concatenate([self._waiting, vectors_KBD], axis=1)
        while held.shape[1] >= self._size:
            self._sum = self._sum + self._size * self._hsic(held[:, : self._size])
            self._weight += self._size
            held = held[:, self._size :]
        self._waiting = held.copy()  # a view would keep the whole batch in memory

    @property
    def examples(self) -> int:
        """How many examples `cka` counts: a last minibatch of fewer than four is left out."""
        return self._weight + self._rest

    def cka(self) -> Matrix:
        """[K, K], 1 on the diagonal.

        Raises:
            ValueError: fewer than four examples.
        """
        if self.examples < LEAST_IMAGES:
            raise ValueError(f"CKA needs at least {LEAST_IMAGES} examples, got {self.examples}")
        total = self._sum
        if self._rest and self._waiting is not None:
            total = total + self._rest * self._hsic(self._waiting)
        return ratio(np.asarray(total) / self.examples)

    @property
    def _rest(self) -> int:
        waiting = 0 if self._waiting is None else self._waiting.shape[1]
        return waiting if waiting >= LEAST_IMAGES else 0

    def _hsic(self, vectors_KBD: Matrix) -> Matrix:
        products = self._kernel(vectors_KBD)
        at = np.arange(products.shape[1])
        products[:, at, at] = 0.0
        return unbiased_hsic(products)


def linear(vectors_KBD: Matrix) -> Matrix:
    """Scalar products."""
    # Those of large common vectors would hide the rest in rounding; the estimator ignores a shift.
    centred = vectors_KBD - vectors_KBD.mean(axis=1, keepdims=True)
    return np.asarray(centred @ centred.transpose(0, 2, 1))
