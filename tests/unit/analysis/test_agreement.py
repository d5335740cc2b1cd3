"""How far groups depend on the choice of pictures: random halves, and the sources of pictures."""

import numpy as np
import pytest
from matrices import blocks, by_lag

from shallowsight.analysis.agreement import Numbers, findings, noise_of, parts, random_halves, stability
from shallowsight.analysis.pace import Change, Changes, Matrix

ONE = Changes((Change("jump", 4, 7.0, 0.01),), 0.01)
TWO = Changes((*ONE.found, Change("jump", 8, 7.0, 0.01)), 0.01)


def test_clear_groups_are_in_every_half() -> None:
    found = stability(lambda numbers: blocks((4, 8, 12), 0.01, sum(numbers)), 40, TWO, noise=0.01)
    assert found.borders == {4: 1.0, 8: 1.0} and found.count == 1.0


def test_doubtful_groups_are_in_some_halves() -> None:
    """A border that the pictures 0 to 9 alone show at layer 4, and the others at layer 5."""

    def mixed(numbers: Numbers) -> Matrix:
        first = sum(number < 10 for number in numbers)
        return blocks((4, 12) if first >= len(numbers) / 2 else (5, 12), 0.01)

    found = stability(mixed, 20, ONE, noise=0.01)
    assert 0.3 < found.borders[4] < 0.9 and found.count == 1.0
    assert stability(mixed, 20, ONE, noise=0.01) == found, "equal each time"


def test_no_groups_in_every_half() -> None:
    found = stability(lambda _: by_lag(12, 0.9), 40, Changes((), 0.7), noise=0.0)
    assert found.borders == {} and found.count == 1.0


@pytest.mark.parametrize(("images", "size"), [(40, 20), (9, 4), (5, 4), (4, 4)])
def test_halves_have_different_pictures_and_enough_for_cka(images: int, size: int) -> None:
    numbers = range(100, 100 + images)
    halves = random_halves(numbers, 30)
    assert all(len(set(half)) == len(half) == size and set(half) <= set(numbers) for half in halves)
    assert images == size or len({tuple(half) for half in halves}) > 1
    assert halves == random_halves(numbers, 30)


def test_noise_is_the_standard_error_over_pictures() -> None:
    """Of the mean of 100 pictures whose similarities have a standard deviation of 0.1: 0.01."""
    own = np.random.default_rng(0).normal(0.5, 0.1, (100, 12, 12))
    assert noise_of(lambda numbers: own[list(numbers)].mean(axis=0), range(100)) == pytest.approx(0.01, rel=0.2)


def test_one_layer_has_no_noise() -> None:
    assert noise_of(lambda _: np.ones((1, 1)), range(8)) == 0.0


def test_each_source_with_enough_pictures() -> None:
    keys = [f"scenes/train/{n}.png" for n in range(20)] + [f"easy-vqa/{n}.png" for n in range(16)] + ["files/a.png"]
    assert parts(keys) == {"scenes": list(range(20)), "easy-vqa": list(range(20, 36))}


@pytest.mark.parametrize("second", [0, 15])
def test_two_halves_where_one_source_has_all_pictures(second: int) -> None:
    keys = [f"files/{n}.png" for n in range(21)] + [f"pretrain-files/{n}.png" for n in range(second)]
    found = parts(keys)
    assert list(found) == ["odd half", "even half"]
    assert sorted(found["odd half"] + found["even half"]) == list(range(len(keys)))
    assert abs(len(found["odd half"]) - len(found["even half"])) <= 1


def test_every_measure_on_every_part() -> None:
    keys = [f"{source}/{n}" for source in ("a", "b") for n in range(16)]
    measures = {
        "cosine": lambda numbers: blocks((6, 12), 0.01) if max(numbers) < 16 else by_lag(12, 0.9),
        "cka": lambda numbers: by_lag(12, 0.9),
    }
    found = {(f.measure, f.pictures): (f.images, f.changes.borders) for f in findings(measures, keys)}
    assert found == {
        ("cosine", "all"): (32, ()),
        ("cka", "all"): (32, ()),
        ("cosine", "a"): (16, (6,)),
        ("cka", "a"): (16, ()),
        ("cosine", "b"): (16, ()),
        ("cka", "b"): (16, ()),
    }
    assert np.all([f.changes.p is not None for f in findings(measures, keys)])
