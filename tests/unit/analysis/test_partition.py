"""The best borders for a number of groups that is asked for."""

import itertools

import numpy as np
import pytest
from matrices import blocks, by_lag, paper

from shallowsight.analysis.pace import Matrix
from shallowsight.analysis.partition import best_borders, require_groups
from shallowsight.errors import ConfigurationError
from shallowsight.report.claims.paper import read_paper


def cost(similarity: Matrix, borders: tuple[int, ...]) -> float:
    """By the definition: squared distances in pairs, over the size of the group."""
    total = 0.0
    for start, end in itertools.pairwise([0, *borders, len(similarity)]):
        pairs = itertools.product(range(start, end), repeat=2)
        total += sum(2 - 2 * similarity[i, j] for i, j in pairs) / (2 * (end - start))
    return total


@pytest.mark.parametrize("groups", [2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(4))
def test_no_partition_is_better(groups: int, seed: int) -> None:
    similarity = blocks((3, 7, 9), noise=0.6, seed=seed)
    found = best_borders(similarity, groups)
    every = itertools.combinations(range(1, 9), groups - 1)
    assert cost(similarity, found) == pytest.approx(min(cost(similarity, borders) for borders in every), abs=1e-9)


def test_three_groups_of_the_papers_figure() -> None:
    """The paper names 1-12, 13-20, 21-24; its figure's layer 12 is between (0.74 and 0.81 to its neighbours)."""
    whole = np.array(read_paper().similarity.values)
    assert whole.shape == (25, 25)
    first, second = best_borders(whole[1:, 1:], 3)  # without the embeddings, which are no layer
    assert first in {11, 12} and second == 20
    first, second = best_borders(paper(), 3)  # read off the picture another time
    assert first in {11, 12} and second == 20


def test_planted_groups() -> None:
    assert best_borders(blocks((4, 8, 12)), 3) == (4, 8)
    assert best_borders(blocks((4, 12)), 2) == (4,)


def test_as_many_groups_as_layers() -> None:
    assert best_borders(by_lag(3, 0.5), 3) == (1, 2)


@pytest.mark.parametrize(
    ("groups", "layers", "message"),
    [
        (1, 12, "groups=1: allowed are 2 to 5"),
        (6, 12, "groups=6: allowed are 2 to 5"),
        (5, 4, "groups=5, but there are only 4 layers; ask for at most 4"),
    ],
)
def test_refused(groups: int, layers: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        require_groups(groups, layers)
