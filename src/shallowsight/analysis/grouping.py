"""Groups of layers that behave alike, found from a similarity matrix.

The cut into contiguous groups minimises the sum over groups of (1 - similarity) / size, a Ward-like cost, exactly
(dynamic programming). On the paper's figure 1a it gives {1-11}, {12-20}, {21-24}, one layer from the paper's groups.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shallowsight.study.layers import Group

Matrix = NDArray[np.float64]
NAMES = {1: ("all",), 2: ("shallow", "deep"), 3: ("shallow", "middle", "deep")}


def find_groups(similarity: Matrix, count: int = 3) -> tuple[Group, ...]:
    """Contiguous groups of the layers 1..L of an [L, L] matrix, shallow first, each with its most central layer.

    Raises:
        ValueError: fewer layers than groups, or a matrix that is not square.
    """
    ends = boundaries(similarity, count)
    starts = [1, *(end + 1 for end in ends[:-1])]
    names = NAMES.get(count, tuple(f"group {n + 1}" for n in range(count)))
    return tuple(
        Group(name, tuple(range(first, last + 1)), _representative(similarity, first, last))
        for name, first, last in zip(names, starts, ends, strict=True)
    )


def boundaries(similarity: Matrix, count: int) -> tuple[int, ...]:
    """The last layer of each group."""
    layers = len(similarity)
    if similarity.shape != (layers, layers) or not 1 <= count <= layers:
        raise ValueError(f"cannot cut a matrix of shape {similarity.shape} into {count} groups")
    cost = _segment_costs(similarity)
    best = np.full((count + 1, layers + 1), np.inf)
    best[0, 0] = 0.0
    cut = np.zeros((count + 1, layers + 1), dtype=int)
    for groups in range(1, count + 1):
        for end in range(groups, layers + 1):
            totals = best[groups - 1, :end] + cost[:end, end]
            cut[groups, end] = int(np.argmin(totals))
            best[groups, end] = totals[cut[groups, end]]
    ends, end = [], layers
    for groups in range(count, 0, -1):
        ends.append(end)
        end = int(cut[groups, end])
    return tuple(reversed(ends))


def stability(matrices: Sequence[Matrix], count: int, draws: int, seed: int) -> dict[int, float]:
    """Last layer of a group -> share of bootstrap draws over batches of images that put a border there.

    `matrices` are similarity matrices of disjoint batches of equally many images.
    """
    random = np.random.default_rng(seed)
    stacked = np.stack(matrices)
    seen: Counter[int] = Counter()
    for _ in range(draws):
        drawn = stacked[random.integers(len(stacked), size=len(stacked))].mean(axis=0)
        seen.update(boundaries(drawn, count)[:-1])
    return {end: seen[end] / draws for end in boundaries(stacked.mean(axis=0), count)[:-1]}


def _segment_costs(similarity: Matrix) -> Matrix:
    """[L + 1, L + 1]: entry (a, b) is the cost of layers a+1..b as one group."""
    layers = len(similarity)
    summed = np.zeros((layers + 1, layers + 1))
    summed[1:, 1:] = np.cumsum(np.cumsum(1.0 - similarity, axis=0), axis=1)
    cost = np.full((layers + 1, layers + 1), np.inf)
    for a in range(layers):
        for b in range(a + 1, layers + 1):
            block = summed[b, b] - summed[a, b] - summed[b, a] + summed[a, a]
            cost[a, b] = block / (b - a)
    return cost


def _representative(similarity: Matrix, first: int, last: int) -> int:
    """The layer that is most similar to the others of its group; among equals the deepest."""
    block = similarity[first - 1 : last, first - 1 : last]
    means = block.sum(axis=1)
    return first + int(np.flatnonzero(np.isclose(means, means.max()))[-1])
