"""Groups of neighbouring layers, from the borders between them, each with the layer that represents it."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from shallowsight.analysis.pace import Matrix
from shallowsight.study.layers import Group

NAMES = {2: ("shallow", "deep"), 3: ("shallow", "middle", "deep")}


def groups_between(borders: Sequence[int], similarity: Matrix) -> tuple[Group, ...]:
    """The groups of the layers 1..L of an [L, L] matrix, shallow first; none where there is no border.

    Args:
        borders: the last layer of each group but the deepest, increasing, each in 1..L-1.
    """
    if not borders:
        return ()
    ends = [0, *borders, len(similarity)]
    names = NAMES.get(len(ends) - 1, tuple(f"group {n}" for n in range(1, len(ends))))
    return tuple(
        Group(name, tuple(range(last + 1, end + 1)), representative(similarity, last + 1, end))
        for name, (last, end) in zip(names, pairwise(ends), strict=True)
    )


def representative(similarity: Matrix, first: int, last: int) -> int:
    """Of the layers first..last the one that is on average most similar to them; among equals the deepest."""
    block = similarity[first - 1 : last, first - 1 : last]
    means = block.mean(axis=1)
    return first + int(np.flatnonzero(np.isclose(means, means.max()))[-1])
