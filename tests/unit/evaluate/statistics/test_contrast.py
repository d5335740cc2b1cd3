"""The test of one pair: equal to textbook tests where these apply."""

import numpy as np
import pytest
import scipy.stats
from sheets import answers, drawn

from shallowsight.evaluate.statistics.answers import Answers
from shallowsight.evaluate.statistics.contrast import contrast, critical, tail
from shallowsight.evaluate.statistics.noise import Noise, seed_noise
from shallowsight.evaluate.statistics.sheet import Sheet


@pytest.mark.parametrize("gap", [0.5, 2.0, 6.0])
def test_the_tail_without_pictures_is_students(gap):
    assert tail(gap, 0.0, 1.0, 3) == pytest.approx(2 * scipy.stats.t.sf(gap, 3), rel=1e-6)
    assert tail(gap, 0.0, 1.0, 1e9) == pytest.approx(2 * scipy.stats.norm.sf(gap))


@pytest.mark.parametrize("gap", [0.5, 3.0])
def test_the_tail_without_training_noise_is_normal(gap):
    assert tail(gap, 4.0, 0.0, 2) == pytest.approx(2 * scipy.stats.norm.sf(gap / 2))


def test_the_tail_of_both_agrees_with_drawing_them():
    rng = np.random.default_rng(0)
    drawn_sums = rng.normal(size=400_000) + 0.7 * rng.standard_t(4, 400_000)
    share = (abs(drawn_sums) > 3.0).mean()
    # Four standard errors of a share of 400,000 draws.
    assert tail(3.0, 1.0, 0.49, 4) == pytest.approx(share, abs=4 * (share / 400_000) ** 0.5)


def test_the_critical_gap_has_its_tail():
    assert tail(critical(0.01, 0.2, 0.3, 5), 0.2, 0.3, 5) == pytest.approx(0.01, rel=1e-5)


def test_one_picture_tells_nothing():
    sheet = Sheet.of({"a": answers(np.array([[1], [1]])), "b": answers(np.array([[0], [0]]))})
    noise = {s: Noise(1e-6, 10) for s in "ab"}
    found = contrast(sheet, noise, "a", "b")
    assert found.p is None and found.half_width is None and not found.enough_pictures


def test_few_pictures_have_heavier_tails():
    assert tail(3.0, 1.0, 0.0, 9, picture_dof=20) == pytest.approx(2 * scipy.stats.t.sf(3.0, 20), rel=1e-4)
    assert tail(3.0, 1.0, 0.0, 9, picture_dof=500) == pytest.approx(2 * scipy.stats.norm.sf(3.0))


def test_pictures_with_many_questions_count_for_more():
    """One picture with half of the questions: about four effective pictures of 61."""
    sizes = [60, *[1] * 60]
    images = np.repeat(np.arange(61), sizes)
    rows = {str(k): [np.random.default_rng(k).random(120)] * 2 for k in range(2)}
    tables = {
        k: {
            s: {f"q{i}": (f"p{g}", x) for i, (g, x) in enumerate(zip(images, row, strict=True))}
            for s, row in enumerate(two)
        }
        for k, two in rows.items()
    }
    sheet = Sheet.of({k: Answers.collect(table) for k, table in tables.items()})
    found = contrast(sheet, {k: Noise(1e-4, 10) for k in rows}, "0", "1")
    assert found.images == 61 and found.pictures == pytest.approx(1 / (0.25 + 60 / 120**2)) and found.p is None


def test_turning_a_pair_round_keeps_its_p_value():
    sheet = drawn(np.random.default_rng(1), [[0.7, 0.6, 0.65], [0.5, 0.55, 0.6]])
    noise = seed_noise([sheet, sheet], None)[0]
    there, back = contrast(sheet, noise, "0", "1"), contrast(sheet, noise, "1", "0")
    assert there.gap == pytest.approx(-back.gap) and there.p == pytest.approx(back.p)
    assert there.flipped().gap == -there.gap and there.flipped().half_width == there.half_width


def test_random_answers_are_counted_once():
    """Pictures and trainings both hold the answers that change at random; the first is freed of them."""
    rng = np.random.default_rng(2)
    sheet = Sheet.of({k: answers(rng.random((40, 500)) < 0.6) for k in "ab"})  # nothing but chance
    noise = {s: Noise(v, 1e9) for s, v in zip("ab", sheet.seed_variances, strict=True)}
    found = contrast(sheet, noise, "a", "b")
    assert found.training_variance is not None
    whole = 0.6 * 0.4 / 500 / 40 * 2
    # Within 40 %: the variances of 2 x 40 seeds have a standard error of 16 %.
    assert found.picture_variance + found.training_variance == pytest.approx(whole, rel=0.4)
