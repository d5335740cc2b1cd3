"""How well a predictor orders trained settings, and how sure that is.

Two settings whose accuracies differ by no more than training noise may have either order. So each setting has a range
of ranks; together they hold all true ranks in 95 % of all studies (Tukey's honest significant difference; Al Mohamad,
Goeman and van Zwet 2022, arXiv 1812.05507). Of all orders within them, one agrees least with the predictor and one
most. The predictor's order is taken as it is, and so are the questions. Compared with other ways by simulation:
`python -m benchmarks.rank_range`, docs/probes.md.
"""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

_EXACT = 8  # values, whose orders are all tried; of more, some are drawn
_DRAWS = 20_000

_Floats = NDArray[np.float64]


def spearman(one: Sequence[float], other: Sequence[float]) -> tuple[float, float] | None:
    """Spearman's rank correlation, and the share of all orders of `other` whose correlation is as large or larger.

    All orders of up to eight values are tried; of more, 20,000 are drawn, always the same. None: all values of one
    are equal.
    """
    a, b = _ranks(one), _ranks(other)
    size = _size(a, b)
    if not size:
        return None
    found, every = float(a @ b) / size, _orders(b) @ a / size
    return found, float((every >= found - 1e-9).mean())


def rank_range(predicted: Sequence[float], trained: Sequence[float], noise: float) -> tuple[float, float] | None:
    """The lowest and the highest Spearman's rank correlation of a predictor with the true order of trained settings.

    Args:
        predicted: what the predictor says of each setting.
        trained: the accuracy of each setting, a mean over seeds.
        noise: the range that equally good settings stay below.

    Returns:
        None: all predictions, or all accuracies, are equal.
    """
    from scipy.optimize import linear_sum_assignment

    if (seen := spearman(predicted, trained)) is None:
        return None
    values, ranks = np.asarray(trained, dtype=np.float64), np.arange(len(trained))
    below = (values[:, None] - values > noise).sum(axis=1)[:, None]
    above = (values - values[:, None] > noise).sum(axis=1)[:, None]
    possible = (ranks >= below) & (ranks <= len(trained) - 1 - above)
    a, b = _ranks(predicted), ranks - ranks.mean()
    terms = np.outer(a, b) / _size(a, b)
    ends = []
    for sign in (1, -1):
        rows, columns = linear_sum_assignment(np.where(possible, sign * terms, np.inf))
        ends.append(float(terms[rows, columns].sum()))
    # Equal accuracies share a rank in what was seen, which no strict order has.
    return min(ends[0], seen[0]), max(ends[1], seen[0])


def in_words(rho: float, known: tuple[float, float] | None) -> str:
    """`0.90, from 0.30 to 1.00`; without a range where the training noise is unknown."""
    words = f"{rho:.2f}" if known is None else f"{rho:.2f}, from {known[0]:.2f} to {known[1]:.2f}"
    return words.replace("-", "\N{MINUS SIGN}")


def _ranks(values: Sequence[float]) -> _Floats:
    """Of the lowest value first, with 0 in the middle; equal values share a rank."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(values), dtype=np.float64) - (len(values) + 1) / 2


def _size(a: _Floats, b: _Floats) -> float:
    return float(np.sqrt((a @ a) * (b @ b)))


def _orders(values: _Floats) -> _Floats:
    if len(values) <= _EXACT:
        return np.array(list(permutations(values)))
    random = np.random.default_rng(0)
    drawn = random.permuted(np.tile(values, (_DRAWS - 1, 1)), axis=1)
    return np.vstack([values, drawn])  # with the order that was seen, so that p is never 0
