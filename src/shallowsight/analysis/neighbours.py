"""How alike each layer and the next are, with intervals for other pictures.

The cosine is a mean over pictures: its interval is of the bootstrap over pictures (percentiles of 1,000 resamples).
CKA compares pictures with each other, and a picture that a resample holds twice resembles itself perfectly, which would
make CKA too large. So its interval comes from random halves, without any picture twice: half of n pictures differ from
all n as much as n pictures differ from very many (the delete-half jackknife, Shao and Wu 1989).
"""

from dataclasses import dataclass

import numpy as np

from shallowsight.analysis.agreement import HALVES, random_halves
from shallowsight.analysis.pace import Matrix
from shallowsight.analysis.similarity import Similarity

RESAMPLES = 1000
Interval = tuple[float, float]


@dataclass(frozen=True)
class Neighbours:
    """Layers `after` and `after + 1`."""

    after: int
    cosine: float
    cosine_interval: Interval
    cka: float
    cka_interval: Interval


def neighbours(seen: Similarity) -> list[Neighbours]:
    """For each pair of neighbouring layers, shallow first; the same each time."""
    each = np.stack([np.diagonal(seen.cosine([n]), 1) for n in range(seen.images)])  # pictures, pairs
    drawn = np.random.default_rng(0).multinomial(seen.images, np.full(seen.images, 1 / seen.images), size=RESAMPLES)
    cosines = _intervals(drawn @ each / seen.images)
    cka = np.diagonal(seen.cka(), 1)
    halves = np.stack([np.diagonal(seen.cka(half), 1) for half in random_halves(range(seen.images), HALVES)])
    # Centred on CKA of all pictures: what halves show is how much it varies.
    spread = _intervals(halves - halves.mean(axis=0))
    return [
        Neighbours(
            after=n + 1,
            cosine=float(each[:, n].mean()),
            cosine_interval=cosines[n],
            cka=float(cka[n]),
            cka_interval=(float(cka[n]) + spread[n][0], float(cka[n]) + spread[n][1]),
        )
        for n in range(each.shape[1])
    ]


def _intervals(draws: Matrix) -> list[Interval]:
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
