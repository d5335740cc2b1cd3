"""When an evaluation may end early, and how often that is wrong."""

import numpy as np
import pytest

from shallowsight.evaluate.statistics.early_stop import ALPHA, LEAST_PICTURES, MARGIN, Look, look_at, spent

LOSES = [-1.0, -1.0, 0.0, -1.0] * 20


def look(gaps: list[float], pictures: int, before: int = 0) -> Look:
    return look_at(gaps, [1] * len(gaps), pictures, before)


def test_all_looks_together_spend_alpha() -> None:
    assert spent(0.0) == 0.0 and spent(1.0) == pytest.approx(ALPHA)
    shares = [spent(share / 10) for share in range(11)]
    assert shares == sorted(shares) and shares[5] < ALPHA / 10, "little is spent early"
    limits = [look(LOSES[:seen], 80, seen - 20).limit for seen in (20, 40, 60, 80)]
    assert sum(limits) == pytest.approx(ALPHA)


def test_a_setting_that_loses_clearly_is_stopped_and_one_that_wins_is_not() -> None:
    assert look(LOSES, 160).clearly_loses
    assert not look([-gap for gap in LOSES], 160).clearly_loses


def test_few_pictures_stop_nothing() -> None:
    few = look(LOSES[: LEAST_PICTURES - 1], 80)
    assert few.p is None and not few.clearly_loses


def test_gaps_that_are_all_alike_have_a_bound_in_place_of_a_test() -> None:
    """A picture shows -1 with a probability of at most 0.525 where the mean gap is -0.05 or more."""
    assert look([-1.0] * 40, 80).p == pytest.approx(0.525**40)
    assert look([0.0] * 40, 80).p == look([1.0] * 40, 80).p == 1.0
    assert look_at([-4.0, -1.0] * 20, [4, 1] * 20, 40, 0).p == pytest.approx(0.525**40)


def test_what_training_noise_may_cost_stops_nothing() -> None:
    """Thousands of questions show any gap; this one is smaller than the margin."""
    smaller = [-1.0] * 4 + [0.0] * 96
    larger = [-1.0] * 10 + [0.0] * 90
    assert -0.04 == -len([g for g in smaller if g]) / 100 > -MARGIN
    assert not look(smaller * 100, 10000).clearly_loses
    assert look(larger * 100, 10000).clearly_loses


def test_each_question_weighs_the_same() -> None:
    found = look_at([-4.0, 0.0] * 20, [4, 1] * 20, 40, 0)
    assert found.gap == pytest.approx(-80 / 100) and found.questions == 100 and found.pictures == 40


@pytest.mark.parametrize(("seen", "pictures", "before"), [(40, 30, 0), (40, 80, 40), (0, 80, 0)])
def test_looks_come_one_after_the_other(seen: int, pictures: int, before: int) -> None:
    with pytest.raises(ValueError, match=f"a look at {seen} of {pictures} pictures after one at {before}"):
        look([-1.0] * seen, pictures, before)


def test_a_setting_that_loses_by_the_margin_is_stopped_seldom() -> None:
    """Binomial: with alpha 1 % more than 32 of 2,000 happen in less than one of 200 series; the draws are fixed."""
    random, wrong = np.random.default_rng(1), 0
    for _ in range(2000):
        gaps = [float(gap) - MARGIN for gap in random.integers(-1, 2, size=120)]
        wrong += any(look(gaps[:seen], 120, seen - 30).clearly_loses for seen in (30, 60, 90, 120))
    assert 0 < wrong <= 32
