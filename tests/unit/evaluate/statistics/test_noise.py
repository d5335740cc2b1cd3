"""Each setting's training noise: borrowed where settings agree, its own where they do not."""

import numpy as np
import pytest
from sheets import answers, drawn

from shallowsight.evaluate.statistics.noise import LEAST_DOF, seed_noise
from shallowsight.evaluate.statistics.sheet import Sheet


def study(rng: np.random.Generator, sds: list[float], seeds: int, categories: int = 4) -> list[Sheet]:
    return [drawn(rng, [list(0.6 + sd * rng.normal(size=seeds)) for sd in sds]) for _ in range(categories)]


def test_equal_noise_is_shared():
    found = seed_noise(study(np.random.default_rng(0), [0.05] * 6, seeds=3), None)
    assert all(n.dof > 2 for n in found[0].values())


def test_a_noisy_setting_keeps_its_own():
    sheets = study(np.random.default_rng(1), [0.2, *[0.01] * 7], seeds=5)
    for sheet, found in zip(sheets, seed_noise(sheets, None), strict=True):
        assert found["0"].variance >= sheet.seed_variances[0]
        # Its own four degrees of freedom; the others borrow nothing of it, since the category leaves it out.
        assert found["0"].dof < 8 and found["1"].variance < 0.1 * found["0"].variance


def test_no_setting_is_below_its_own_variance_or_that_of_random_answers():
    sheets = study(np.random.default_rng(2), [0.0, 0.1, 0.02], seeds=3)
    for sheet, found in zip(sheets, seed_noise(sheets, None), strict=True):
        for setting, variance in zip(sheet.settings, sheet.seed_variances, strict=True):
            assert found[setting].variance >= max(variance, sum(sheet.flips) / len(sheet.flips)) - 1e-15


def test_a_setting_with_one_seed_has_none():
    rng = np.random.default_rng(3)
    sheet = drawn(rng, [[0.6, 0.7, 0.65], [0.6], [0.6, 0.5, 0.55], [0.6, 0.5]])
    assert set(seed_noise([sheet], None)[0]) == {"0", "2", "3"}


@pytest.mark.parametrize(("seeds", "known"), [(LEAST_DOF + 1, True), (LEAST_DOF, False)])
def test_few_seeds_of_the_whole_study_know_nothing(seeds, known):
    rng = np.random.default_rng(4)
    sheet = drawn(rng, [list(0.6 + 0.02 * rng.normal(size=seeds)), [0.6]])
    assert bool(seed_noise([sheet], None)[0]) is known


def test_seeds_that_agree_by_accident_do_not_hide_that_others_differ():
    """All seeds of two settings learnt, or none did: their own variance is nil, that of the category is not."""
    rng = np.random.default_rng(5)
    sheet = drawn(rng, [[0.9] * 3, [0.2] * 3, [0.9, 0.2, 0.9], [0.2, 0.2, 0.9], [0.9, 0.9, 0.2], [0.2, 0.9, 0.2]])
    found = seed_noise([sheet], None)[0]
    assert found["0"].variance > 0.05 and sheet.seed_variances[0] < 0.002


def test_seeds_that_answer_alike_do_not_break_it():
    same = np.tile(np.random.default_rng(6).integers(0, 2, 50), (3, 1))
    sheet = Sheet.of({k: answers(same) for k in "abc"})
    assert all(n.variance > 0 for n in seed_noise([sheet], None)[0].values())
