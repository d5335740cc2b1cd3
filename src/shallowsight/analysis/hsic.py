"""The unbiased estimator of HSIC (Song et al. 2012, equation 5), from which CKA is made, for all pairs of layers.

Shapes: K layers, B examples.
"""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
LEAST_IMAGES = 4  # the unbiased estimator divides by (images - 3)


def unbiased_hsic(products_KBB: Matrix) -> Matrix:
    """[K, K] from kernel matrices whose diagonals are 0."""
    K, B, _ = products_KBB.shape
    rows = products_KBB.sum(axis=2)  # K, B
    total = rows.sum(axis=1)  # K
    flat = products_KBB.reshape(K, -1)
    trace = flat @ flat.T
    found = trace + np.outer(total, total) / ((B - 1) * (B - 2)) - 2 * (rows @ rows.T) / (B - 2)
    return np.asarray(found / (B * (B - 3)))


def ratio(hsic_KK: Matrix) -> Matrix:
    """[K, K] CKA from HSIC: 1 on the diagonal."""
    own = np.sqrt(np.maximum(np.diagonal(hsic_KK), np.finfo(np.float64).tiny))
    return np.asarray(hsic_KK / np.outer(own, own))
