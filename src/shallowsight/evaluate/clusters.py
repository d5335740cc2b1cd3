"""Sums over images: questions about one image are not independent, so whole images are sampled.

Shapes: Q questions, G images (clusters), R bootstrap resamples.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import inf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

ALPHA = 0.05
RESAMPLES = 2000
SEED = 20250  # of the bootstrap only: the permutation test is exact and draws nothing

Floats = NDArray[np.float64]


def by_image(values_Q: ArrayLike, images: Sequence[str]) -> tuple[Floats, Floats]:
    """Sum and number of questions per image."""
    _, image_of_Q = np.unique(np.asarray(images), return_inverse=True)
    sums_G: Floats = np.bincount(image_of_Q, weights=np.asarray(values_Q, dtype=np.float64)).astype(np.float64)
    return sums_G, np.bincount(image_of_Q).astype(np.float64)


def ratio_error(sums_G: Floats, sizes_G: Floats) -> float:
    """Standard error of sum / size over clusters (linearised, with the G/(G-1) correction)."""
    count, total = len(sums_G), float(sizes_G.sum())
    if count < 2:
        return inf
    residual_G = sums_G - sizes_G * (sums_G.sum() / total)
    return sqrt(count / (count - 1) * float((residual_G**2).sum())) / total


@lru_cache(maxsize=2)
def _resamples(images: int) -> Floats:
    """How often each image is drawn in each resample, [R, G]; the same draws for all pairs of a benchmark."""
    rng = np.random.default_rng(SEED)
    return rng.multinomial(images, np.full(images, 1 / images), size=RESAMPLES).astype(np.float64)


def interval(diff_G: Floats, sizes_G: Floats) -> tuple[float, float]:
    """95 % percentile interval of the mean difference, whole images resampled."""
    draws_RG = _resamples(len(sizes_G))
    low, high = np.quantile((draws_RG @ diff_G) / (draws_RG @ sizes_G), (ALPHA / 2, 1 - ALPHA / 2))
    return float(low), float(high)
