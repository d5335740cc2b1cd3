"""When an evaluation may end early, and how often that is wrong."""

import numpy as np
import pytest

from shallowsight.evaluate.statistics.early_stop import ALPHA, LEAST_PICTURES, clearly_loses, spent

LOSES = [-1.0, -1.0, 0.0, -1.0] * 20


def test_all_looks_together_spend_alpha() -> None:
    assert spent(0.0) == 0.0 and spent(1.0) == pytest.approx(ALPHA)
    shares = [spent(share / 10) for share in range(11)]
    assert shares == sorted(shares) and shares[5] < ALPHA / 10, "little is spent early"


def test_a_setting_that_loses_clearly_is_stopped_and_one_that_wins_is_not() -> None:
    assert clearly_loses(LOSES, 160, 0)
    assert not clearly_loses([-gap for gap in LOSES], 160, 0)


def test_few_pictures_and_equal_gaps_stop_nothing() -> None:
    assert not clearly_loses(LOSES[: LEAST_PICTURES - 1], 80, 0)
    assert not clearly_loses([-1.0] * 40, 80, 0)


@pytest.mark.parametrize(("seen", "pictures", "before"), [(40, 30, 0), (40, 80, 40), (0, 80, 0)])
def test_looks_come_one_after_the_other(seen: int, pictures: int, before: int) -> None:
    with pytest.raises(ValueError, match=f"a look at {seen} of {pictures} pictures after one at {before}"):
        clearly_loses([-1.0] * seen, pictures, before)


def test_an_equal_setting_is_stopped_seldom() -> None:
    """Binomial: with alpha 1 % more than 32 of 2,000 happen in less than one of 200 series; the draws are fixed."""
    random, wrong = np.random.default_rng(1), 0
    for _ in range(2000):
        gaps = [float(gap) for gap in random.integers(-1, 2, size=120)]
        wrong += any(clearly_loses(gaps[:seen], 120, seen - 30) for seen in (30, 60, 90, 120))
    assert wrong <= 32
