"""Hidden states that are made up, and how they are given to a measure."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shallowsight.analysis.measures.measure import Batch, Found, Measure

Values = NDArray[np.float64]
LAYERS, PATCHES, WIDTH = 5, 9, 12


def pictures(count: int, seed: int = 0) -> Values:
    """[K, B, 1 + N, D], class token first: layers share something, at growing scales and with a large common vector."""
    random = np.random.default_rng(seed)
    common = random.normal(size=(count, 1 + PATCHES, WIDTH))
    layers = [
        (common + 0.6 * k * random.normal(size=common.shape)) * 3**k + 2 * random.normal(size=WIDTH)
        for k in range(LAYERS)
    ]
    whole: Values = np.stack(layers).astype(np.float32).astype(np.float64)  # what single precision can hold
    return whole


def measured(make: Callable[[], Measure], states: Values, batch: int, class_token: bool = True) -> Found:
    """The measure over the pictures, given in batches."""
    measure = make()
    for first in range(0, states.shape[1], batch):
        part = torch.from_numpy(states[:, first : first + batch]).float()
        first_tokens: Any = list(part[:, :, 0]) if class_token else None
        measure.add(Batch(list(part[:, :, 1:]), first_tokens))
    return measure.found()
