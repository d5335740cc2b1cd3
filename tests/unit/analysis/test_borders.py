"""Where borders lie in other pictures, and how sure similarities of neighbours are."""

import numpy as np
import pytest
import torch
from matrices import blocks

from shallowsight.analysis.agreement import Numbers
from shallowsight.analysis.borders import Place, places, transition_layers
from shallowsight.analysis.neighbours import neighbours
from shallowsight.analysis.pace import Matrix
from shallowsight.analysis.partition import best_borders
from shallowsight.analysis.similarity import Similarity


def two(similarity: Matrix) -> tuple[int, ...]:
    return best_borders(similarity, 2)


def test_clear_borders_stay() -> None:
    (found,) = places(lambda numbers: blocks((4, 12), 0.01, sum(numbers)), 40, (4,), two)
    assert found == Place(4, {4: 1.0}, (4, 4)) and found.transition == ()


def test_a_border_that_moves_has_transition_layers() -> None:
    """A border that the pictures 0 to 9 alone show at layer 4, and the others at layer 6."""

    def mixed(numbers: Numbers) -> Matrix:
        return blocks((4, 12) if sum(number < 10 for number in numbers) >= len(numbers) / 2 else (6, 12))

    (found,) = places(mixed, 20, (4,), two)
    assert set(found.places) == {4, 6} and sum(found.places.values()) == pytest.approx(1.0)
    assert found.interval == (4, 6) and found.transition == (5, 6)


def test_a_rare_move_makes_no_transition_layer() -> None:
    assert Place(8, {7: 0.04, 8: 0.96}, (8, 8)).transition == ()
    assert Place(8, {7: 0.05, 8: 0.95}, (7, 8)).transition == (8,)
    assert transition_layers([Place(8, {7: 0.1, 8: 0.9}, (7, 8)), Place(3, {3: 0.5, 4: 0.5}, (3, 4))]) == [4, 8]


def test_borders_that_halves_do_not_all_have() -> None:
    def find(similarity: Matrix) -> tuple[int, ...]:
        return (5,) if similarity[0, 0] else (4, 8)

    (low, high) = places(lambda numbers: np.full((1, 1), float(0 in numbers)), 20, (4, 8), find)
    with_zero = low.places[5]
    assert 0.3 < with_zero < 0.7
    assert low.places == {4: 1 - with_zero, 5: with_zero} and high.places == {8: 1 - with_zero}


def similar(images: int, seed: int = 0) -> Similarity:
    generator = torch.Generator().manual_seed(seed)
    seen = Similarity()
    common = torch.randn(images, 9, 16, generator=generator)
    seen.add(torch.stack([common + 0.5 * k * torch.randn(images, 9, 16, generator=generator) for k in range(4)]))
    return seen


def test_intervals_hold_the_value_of_very_many_pictures() -> None:
    """95 % each; of 3 pairs x 20 sets at least 48, which less than 1 in 10^4 would miss if each held in 95 %."""
    many = similar(1500, seed=99)
    cosine, cka = np.diagonal(many.cosine(), 1), np.diagonal(many.cka(), 1)
    held = {"cosine": 0, "cka": 0}
    for seed in range(20):
        for pair, found in enumerate(neighbours(similar(60, seed))):
            held["cosine"] += found.cosine_interval[0] <= cosine[pair] <= found.cosine_interval[1]
            held["cka"] += found.cka_interval[0] <= cka[pair] <= found.cka_interval[1]
    assert held["cosine"] >= 48 and held["cka"] >= 48, held


def test_intervals_are_the_bootstrap() -> None:
    seen = similar(40)
    found = neighbours(seen)
    assert [each.after for each in found] == [1, 2, 3]
    each = np.array([np.diagonal(seen.cosine([n]), 1) for n in range(40)])
    for pair, one in enumerate(found):
        assert one.cosine == pytest.approx(seen.cosine()[pair, pair + 1])
        # Of a mean over 40 pictures: 1.96 standard errors; percentiles of 1,000 draws are 5 % uncertain.
        width = 2 * 1.96 * each[:, pair].std() / np.sqrt(40)
        assert one.cosine_interval[1] - one.cosine_interval[0] == pytest.approx(width, rel=0.2)
        assert one.cka_interval[0] < one.cka < one.cka_interval[1]
    assert found == neighbours(seen), "equal each time"
