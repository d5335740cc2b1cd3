"""The best borders for a number of groups that is asked for, whether or not a test finds groups.

The borders minimise the sum over groups of the squared distances to the group's centre, where two layers with the
cosine c lie 2 - 2c apart (squared): the criterion of k-means and of Ward's method, for groups of neighbours (Fisher
1958), found exactly by dynamic programming.

Shapes: L layers.
"""

import numpy as np

from shallowsight.analysis.pace import Matrix
from shallowsight.errors import ConfigurationError

FEWEST, MOST = 2, 5  # groups that may be asked for


def require_groups(groups: int, layers: int) -> None:
    """Raises ConfigurationError for a number of groups that is not allowed, or larger than the number of layers."""
    if not FEWEST <= groups <= MOST:
        raise ConfigurationError(
            f"groups={groups}: allowed are {FEWEST} to {MOST}, or nothing, which asks a test of groups"
        )
    if groups > layers:
        raise ConfigurationError(f"groups={groups}, but there are only {layers} layers; ask for at most {layers}")


def best_borders(similarity: Matrix, groups: int) -> tuple[int, ...]:
    """The last layer of each group but the deepest, for layers 1..L of an [L, L] matrix; of equals the shallower."""
    costs = _costs(similarity)
    layers = len(similarity)
    # For each last layer, the cost of the best groups up to it, and their last layers.
    best: dict[int, tuple[float, tuple[int, ...]]] = {end: (costs[0, end], (end,)) for end in range(1, layers + 1)}
    for _ in range(groups - 1):
        best = {
            end: min((cost + costs[start, end], (*ends, end)) for start, (cost, ends) in best.items() if start < end)
            for end in range(min(best) + 1, layers + 1)
        }
    return best[layers][1][:-1]


def _costs(similarity: Matrix) -> Matrix:
    """[L, L + 1]: what the layers start + 1 .. end cost as one group."""
    layers = len(similarity)
    corner = np.zeros((layers + 1, layers + 1))
    corner[1:, 1:] = similarity.cumsum(axis=0).cumsum(axis=1)
    start, end = np.arange(layers)[:, None], np.arange(layers + 1)[None, :]
    inside = corner[end, end] - corner[start, end] - corner[end, start] + corner[start, start]
    sizes = np.maximum(end - start, 1)
    # The sum of squared distances to the centre; rounded, so that equal costs are equal.
    return np.asarray(np.round(sizes - inside / sizes, 12))
