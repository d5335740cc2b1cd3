"""The difference of one setting between two studies."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from sheets import drawn

from shallowsight.evaluate.statistics.answers import picture_variance
from shallowsight.evaluate.statistics.contrast import contrast
from shallowsight.evaluate.statistics.family import ALPHA, holm
from shallowsight.evaluate.statistics.noise import seed_noise
from shallowsight.evaluate.statistics.sheet import Sheet
from shallowsight.evaluate.statistics.two_studies import (
    OVERALL,
    Sheets,
    contrast_of_two,
    corrected,
    first_level,
    noise_of_two,
)


def halves(sheet: Sheet) -> Sheets:
    """The first half of the settings as one study, the second half as another."""
    middle = len(sheet.settings) // 2
    first, second = (
        replace(sheet, settings=sheet.settings[:middle], seeds=sheet.seeds[rows], parts=sheet.parts[rows])
        for rows in (slice(middle), slice(middle, None))
    )
    return Sheets(first, second, paired=True)


@pytest.fixture
def sheet() -> Sheet:
    rng = np.random.default_rng(3)
    return drawn(rng, [[0.6, 0.62, 0.65], [0.7, 0.7, 0.75], [0.5, 0.55, 0.5], [0.72, 0.7, 0.66]], 200)


def test_the_same_questions_give_the_contrast_of_one_study(sheet: Sheet) -> None:
    """Four settings of one study, or two and two of two studies: the same numbers."""
    two = halves(sheet)
    (noise,) = noise_of_two([two], None)
    (known,) = seed_noise([sheet], None)
    assert [noise.before["0"], noise.after["1"]] == [known["0"], known["3"]]
    ours, theirs = contrast_of_two(two, noise, "1", "1"), contrast(sheet, known, "3", "1")
    assert ours.gap == pytest.approx(theirs.gap)
    assert ours.picture_variance == pytest.approx(theirs.picture_variance)
    assert ours.p == pytest.approx(theirs.p)


def test_pictures_of_unpaired_studies_are_chance_on_both_sides(sheet: Sheet) -> None:
    two = replace(halves(sheet), paired=False)
    (noise,) = noise_of_two([two], None)
    found = contrast_of_two(two, noise, "0", "1")
    each = [picture_variance(sheet.means[i], sheet.shares_G) - sheet.flips[i] / 3 for i in (0, 3)]
    assert found.picture_variance == pytest.approx(sum(each))
    assert found.half_width is not None
    paired = contrast_of_two(halves(sheet), noise, "0", "1")
    assert paired.half_width is not None and paired.half_width < found.half_width


def test_trainings_that_both_have_are_counted_once(sheet: Sheet) -> None:
    two = halves(sheet)
    (all_of_them,) = noise_of_two([two], None)
    (once,) = noise_of_two([two], None, frozenset({"1"}))
    assert set(all_of_them.after) == {"0", "1"} and set(once.after) == {"0"}
    assert contrast_of_two(two, once, "1", "1").p is None


def test_one_seed_has_no_noise_and_no_p() -> None:
    two = halves(drawn(np.random.default_rng(1), [[0.6], [0.7]], 100))
    (noise,) = noise_of_two([two], None)
    found = contrast_of_two(two, noise, "0", "0")
    assert (found.p, found.half_width) == (None, None) and found.picture_variance > 0


def test_one_picture_says_nothing_about_others() -> None:
    two = halves(drawn(np.random.default_rng(1), [[0.6, 0.6, 0.6], [0.7, 0.7, 0.7]], 1))
    (noise,) = noise_of_two([two], None)
    assert not contrast_of_two(two, noise, "0", "0").enough_pictures


P = {("a", "x"): 0.01, ("a", "y"): 0.001, ("b", "x"): 0.2, ("b", "y"): None, (OVERALL, "x"): 0.004, (OVERALL, "y"): 0.6}


def test_correction_by_hand() -> None:
    """Weights: a quarter for each single category, a half for each over all of them."""
    found = corrected(P)
    # 0.001 / (1/4) = 0.004 and 0.004 / (1/2) = 0.008 come first and second; all weights add up to 2.
    assert found["a", "y"] == pytest.approx(0.004 * 2)
    assert found[OVERALL, "x"] == pytest.approx(0.008 * (2 - 0.25))
    assert found["a", "x"] == pytest.approx(0.04 * (2 - 0.75))
    assert found["b", "y"] is None
    assert found["b", "x"] == pytest.approx(0.8 * (2 - 1))
    assert found[OVERALL, "y"] == pytest.approx(1.2 * (2 - 1.25))


def test_without_an_overall_difference_it_is_holm() -> None:
    single = {key: p for key, p in P.items() if key[0] != OVERALL}
    assert corrected(single) == pytest.approx(holm(single))


def test_the_first_level_is_that_of_the_smallest_p() -> None:
    level = first_level(P, OVERALL, ALPHA)
    assert level == ALPHA / 4
    just = {**{key: 1.0 for key in P}, (OVERALL, "x"): level}
    assert corrected(just)[OVERALL, "x"] == pytest.approx(ALPHA)
    assert first_level({("a", "x"): 0.1, ("a", "y"): 0.1}, "a", ALPHA) == ALPHA / 2


def test_the_correction_keeps_its_level() -> None:
    """Uniform p-values of true nulls: false claims in at most 5 % of 4,000 families, with four standard errors."""
    rng = np.random.default_rng(5)
    keys = [*((c, s) for c in "abcde" for s in "xyz"), *((OVERALL, s) for s in "xyz")]
    wrong = sum(
        any(p is not None and p <= ALPHA for p in corrected(dict(zip(keys, map(float, row), strict=True))).values())
        for row in rng.random((4000, len(keys)))
    )
    assert wrong / 4000 <= ALPHA + 4 * sqrt(ALPHA * (1 - ALPHA) / 4000)
