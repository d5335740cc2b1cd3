"""Groups from borders, and the layer that represents each."""

import numpy as np
import pytest
from matrices import blocks, paper

from shallowsight.analysis.grouping import groups_between, representative
from shallowsight.study.layers import evenly_spread

# What models reach that look at one layer of CLIP-ViT-L/14-336, layers 1-24: the paper's figure 2, read off the
# picture, each category from 0 (worst layer) to 1 (best layer), 0.03 uncertain.
FIGURE_2 = {
    "general": (3, 5, 5, 18, 9, 15, 18, 21, 24, 21, 21, 29, 38, 54, 33, 33, 41, 88, 62, 82, 34, 82, 98, 93),
    "OCR": (3, 3, 3, 3, 3, 3, 4, 4, 5, 5, 8, 29, 36, 54, 66, 73, 83, 88, 43, 92, 80, 89, 98, 86),
    "CV-Bench": (3, 3, 37, 37, 16, 21, 42, 18, 7, 24, 34, 24, 23, 37, 53, 43, 98, 98, 77, 98, 59, 59, 57, 92),
    "vision-centric": (5, 3, 12, 16, 9, 15, 20, 13, 17, 18, 34, 29, 18, 43, 40, 42, 77, 72, 43, 81, 58, 73, 98, 98),
    "POPE": (3, 7, 15, 15, 19, 36, 37, 41, 53, 50, 61, 71, 77, 83, 89, 96, 98, 96, 77, 98, 81, 98, 95, 92),
}


def regrets(layers: tuple[int, ...]) -> list[float]:
    """For each category, how much the best of these layers is below the best of all."""
    return [(max(curve) - max(curve[layer - 1] for layer in layers)) / 100 for curve in FIGURE_2.values()]


def test_groups_tile_the_tower() -> None:
    groups = groups_between((12, 20), paper())
    assert [group.name for group in groups] == ["shallow", "middle", "deep"]
    assert [layer for group in groups for layer in group.layers] == list(range(1, 25))
    assert [group.layers[-1] for group in groups] == [12, 20, 24]


def test_no_border_is_no_group() -> None:
    assert groups_between((), paper()) == ()


@pytest.mark.parametrize(
    ("borders", "names"),
    [
        ((5,), ["shallow", "deep"]),
        ((4, 8), ["shallow", "middle", "deep"]),
        ((3, 6, 9), ["group 1", "group 2", "group 3", "group 4"]),
        ((1, 2, 3, 11), ["group 1", "group 2", "group 3", "group 4", "group 5"]),
    ],
)
def test_names(borders: tuple[int, ...], names: list[str]) -> None:
    groups = groups_between(borders, blocks((4, 8, 12)))
    assert [group.name for group in groups] == names
    assert all(group.representative in group.layers for group in groups)


def test_the_representative_is_most_like_its_group() -> None:
    similarity = paper()
    for group in groups_between((12, 20), similarity):
        means = {i: np.mean([similarity[i - 1, j - 1] for j in group.layers]) for i in group.layers}
        assert means[group.representative] == pytest.approx(max(means.values()))


def test_the_deeper_of_equals_represents() -> None:
    assert [representative(blocks((4, 8, 12)), *span) for span in ((1, 4), (5, 8), (9, 12))] == [4, 8, 12]


def test_the_papers_representatives_reach_what_the_best_layers_reach() -> None:
    """Within the 0.03 with which the curves were read; docs/studies.md has the table of the rules."""
    found = tuple(group.representative for group in groups_between((12, 20), paper()))
    assert found == (6, 17, 23) and max(regrets(found)) <= 0.03
    assert max(regrets((1, 13, 21))) > 0.5, "the shallowest layer of each group"


def test_evenly_spread_layers_reach_more_than_those_in_the_middle_of_thirds() -> None:
    assert evenly_spread(24) == (8, 16, 24)
    assert np.mean(regrets(evenly_spread(24))) < np.mean(regrets((4, 12, 20)))
