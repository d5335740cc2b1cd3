"""The claims of the statistics: equal to scipy on simple cases, honest on nothing, awake on something."""

from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest
import scipy.stats

from shallowsight.errors import ConfigurationError
from shallowsight.evaluate.statistics import Answers, NoiseFloor, Verdict, accuracy, compare_all, holm, noise_floor
from shallowsight.evaluate.statistics import sign_flip_p as p_of

CLAIMS = (Verdict.A_BETTER, Verdict.B_BETTER)


def answers(right_SQ: np.ndarray, per_image: int = 1) -> Answers:
    return Answers.collect([{f"{q:05}": (f"{q // per_image}", int(x)) for q, x in enumerate(row)} for row in right_SQ])


def simulate(rng, wanted, seeds=2, n=300, seed_sd=0.0, per_image=1):
    """Settings that share the difficulty of the questions; a seed moves a whole model by `seed_sd`."""
    difficulty = np.repeat(rng.normal(size=n // per_image), per_image)
    settings = {}
    for number, target in enumerate(wanted):
        own = np.repeat(rng.normal(size=n // per_image), per_image)
        rows = []
        for _ in range(seeds):
            latent = 0.8 * difficulty + 0.42 * own + 0.42 * rng.normal(size=n)
            rows.append(latent < NormalDist().inv_cdf(float(np.clip(target + seed_sd * rng.normal(), 0.02, 0.98))))
        settings[str(number)] = answers(np.array(rows), per_image)
    return settings


def test_one_question_per_image_is_the_plain_standard_error():
    x = np.random.default_rng(0).integers(0, 2, 80)
    found = accuracy(x, [str(i) for i in range(80)])
    assert found.value == x.mean() and (found.n, found.images) == (80, 80)
    assert found.standard_error == pytest.approx(scipy.stats.sem(x))


def test_questions_about_one_image_count_as_one():
    x = np.random.default_rng(0).integers(0, 2, 40)
    copied = accuracy(np.repeat(x, 5), [str(i) for i in range(40) for _ in range(5)])
    assert copied.standard_error == pytest.approx(scipy.stats.sem(x))  # and not sqrt(5) times smaller


def test_one_image_tells_nothing():
    assert accuracy([1, 0, 1], ["a", "a", "a"]).standard_error == float("inf")


@pytest.mark.parametrize("seed", range(4))
def test_sign_flip_equals_scipy_enumeration(seed):
    x = np.random.default_rng(seed).integers(-2, 5, 11)
    exact = scipy.stats.permutation_test((x,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert p_of(x) == pytest.approx(exact.pvalue)


def test_sign_flip_of_single_flips_is_the_sign_test():
    assert p_of([1] * 30 + [-1] * 12) == pytest.approx(scipy.stats.binomtest(12, 42).pvalue)


@pytest.mark.parametrize("sums", [pytest.param([], id="empty"), pytest.param([0, 0], id="equal"), [3, -3]])
def test_sign_flip_of_nothing_is_one(sums):
    assert p_of(sums) == pytest.approx(1.0)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_noise_floor_is_the_pooled_deviation_of_a_t_test():
    a, b = [0.60, 0.64, 0.61], [0.50, 0.53]
    floor = noise_floor([a, b, [0.9]])
    assert floor is not None and floor.dof == 3
    t = (np.mean(a) - np.mean(b)) / (floor.sd * sqrt(1 / 3 + 1 / 2))
    assert t == pytest.approx(scipy.stats.ttest_ind(a, b).statistic)
    assert floor.gap(3, 2) == pytest.approx(scipy.stats.t.ppf(0.975, 3) * floor.sd * sqrt(1 / 3 + 1 / 2))


def test_no_floor_from_single_seeds():
    assert noise_floor([[0.5], [0.7]]) is None


def test_one_seed_never_claims():
    settings = {"a": answers(np.ones((1, 200), int)), "b": answers(np.zeros((1, 200), int))}
    found = compare_all(settings)["a", "b"]
    assert found.gap == 1.0 and found.p_images < 1e-9
    assert found.verdict is Verdict.ONE_SEED and found.floor is None and found.p_training is None


def test_a_gap_below_the_floor_is_not_claimed():
    rng = np.random.default_rng(1)
    low, high = (rng.random(400) < p for p in (0.4, 0.8))  # one setting, two seeds far apart
    settings = {"a": answers(np.array([low, high])), "b": answers(np.array([low, low]))}
    found = compare_all(settings)["a", "b"]
    assert found.p_images < 1e-6 and found.floor is not None and found.gap < found.floor
    assert found.verdict is Verdict.NOT_DISTINGUISHABLE


def test_the_floor_alone_can_forbid_a_claim():
    """A gap that is the same on every image, beside a third setting whose seeds flip whole images."""
    steady = np.ones((2, 2000), int)
    worse = steady.copy()
    worse[:, ::25] = 0
    image = np.arange(2000) // 50
    noisy = np.array([image < 20, (image >= 16) & (image < 32)])
    found = compare_all({name: answers(x, 50) for name, x in (("a", steady), ("b", worse), ("c", noisy))})["a", "b"]
    assert found.gap == pytest.approx(0.04) and found.p < 1e-6
    assert found.floor is not None and found.floor > 0.1 and found.verdict is Verdict.NOT_DISTINGUISHABLE


def test_flipped_tells_the_same_from_the_other_side():
    found = compare_all(simulate(np.random.default_rng(2), [0.8, 0.5]))["0", "1"]
    back = found.flipped()
    assert found.verdict is Verdict.A_BETTER and back.verdict is Verdict.B_BETTER
    assert (back.gap, back.low, back.high) == (-found.gap, -found.high, -found.low) and back.flipped() == found


def test_interval_is_near_the_normal_one_and_repeatable():
    settings = simulate(np.random.default_rng(3), [0.7, 0.6], n=400)
    found = compare_all(settings)["0", "1"]
    d = settings["0"].right_SQ.mean(axis=0) - settings["1"].right_SQ.mean(axis=0)
    half = 1.96 * scipy.stats.sem(d)
    assert (found.low, found.high) == pytest.approx((d.mean() - half, d.mean() + half), abs=0.1 * half)
    assert compare_all(settings)["0", "1"] == found


def test_sign_flip_null_rate():
    rng = np.random.default_rng(4)
    p = np.array([p_of(rng.integers(-2, 3, 150)) for _ in range(1500)])
    assert abs((p < 0.05).mean() - 0.05) < 3 * sqrt(0.05 * 0.95 / len(p)) + 0.005  # + its discreteness


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed_sd", "per_image"), [pytest.param(0.0, 1, id="images"), pytest.param(0.03, 1, id="training"), (0.02, 5)]
)
def test_null_claims_stay_below_five_percent(seed_sd, per_image):
    """The chance of ANY false claim among the pairs of four equal settings (family-wise)."""
    rng, runs = np.random.default_rng(5), 100
    false = sum(
        any(c.verdict in CLAIMS for c in compare_all(simulate(rng, [0.6] * 4, 2, 200, seed_sd, per_image)).values())
        for _ in range(runs)
    )
    assert false / runs <= 0.05 + 2.5 * sqrt(0.05 * 0.95 / runs)


def test_a_planted_effect_is_found():
    rng, runs = np.random.default_rng(6), 15
    found = [compare_all(simulate(rng, [0.72, 0.58, 0.58, 0.58], 2, 300, 0.008)) for _ in range(runs)]
    assert np.mean([f["0", "1"].verdict is Verdict.A_BETTER for f in found]) >= 0.8
    assert not any(f["0", "1"].verdict is Verdict.B_BETTER for f in found)


def test_only_common_questions_are_compared():
    a = Answers.collect([{"q1": ("i1", 1), "q2": ("i2", 1)}, {"q2": ("i2", 0), "q3": ("i3", 1)}])
    assert a.questions == ("q2",) and a.images == ("i2",) and a.accuracies == (1.0, 0.0)


@pytest.mark.parametrize(
    "seeds", [pytest.param([], id="no seed"), [{"a": ("i", 1)}, {"b": ("i", 1)}], [{"a": ("i", 2)}]]
)
def test_collect_refuses(seeds):
    with pytest.raises(ConfigurationError):
        Answers.collect(seeds)


def test_settings_without_a_common_question_are_refused():
    with pytest.raises(ConfigurationError, match="share no question"):
        compare_all({"a": Answers.collect([{"x": ("i", 1)}]), "b": Answers.collect([{"y": ("i", 1)}])})


def test_floor_shrinks_with_seeds():
    floor = NoiseFloor(sd=0.01, dof=8)
    assert floor.gap(4, 4) == pytest.approx(floor.gap(1, 1) / 2)
