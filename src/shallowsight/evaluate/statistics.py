"""Decide which differences between settings may be claimed, given sampled images, training noise and many pairs.

There are two sources of chance. *Images*: other test images would give other scores. An exact sign-flip test over whole
images measures this, because questions about one image are not independent. *Training*: another seed would give
another model. The noise floor measures this: the between-seed standard deviation, pooled over settings. A difference
counts only if it is significant in both, after Holm's correction (family-wise error, not FDR) over all pairs of
settings of one benchmark.

Shapes: S seeds, Q questions, G images (clusters).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from math import inf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shallowsight.errors import ConfigurationError
from shallowsight.evaluate.clusters import ALPHA, by_image, interval, ratio_error

Integers = NDArray[np.int64]


class Verdict(StrEnum):
    """The verdict about two settings."""

    A_BETTER = "a better"
    B_BETTER = "b better"
    NOT_DISTINGUISHABLE = "not distinguishable"
    ONE_SEED = "one seed: training noise unknown"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean with its standard error over images (infinite with fewer than two images)."""

    value: float
    standard_error: float
    n: int
    images: int


@dataclass(frozen=True, kw_only=True)
class NoiseFloor:
    """Between-seed standard deviation of an accuracy, pooled over settings."""

    sd: float
    dof: int

    def gap(self, seeds_a: int, seeds_b: int) -> float:
        """The smallest difference of two means that training noise alone causes in less than 5 % of pairs."""
        from scipy.stats import t

        return float(t.ppf(1 - ALPHA / 2, self.dof)) * self.sd * sqrt(1 / seeds_a + 1 / seeds_b)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Setting a against setting b on the same questions; gap = a - b."""

    gap: float
    low: float  # 95 % bootstrap interval over images, for these trained models
    high: float
    n: int
    images: int
    p_images: float  # exact sign-flip test, for the same models and other images
    p_training: float | None  # t-test, for other seeds and other images; None when no setting has two seeds
    p: float  # the larger of p_images and p_training, Holm-corrected over all pairs of the benchmark
    floor: float | None  # a gap up to this can come from the seeds alone
    verdict: Verdict

    def flipped(self) -> "Comparison":
        """The same comparison with a and b exchanged."""
        swap = {Verdict.A_BETTER: Verdict.B_BETTER, Verdict.B_BETTER: Verdict.A_BETTER}
        verdict = swap.get(self.verdict, self.verdict)
        return replace(self, gap=-self.gap, low=-self.high, high=-self.low, verdict=verdict)


@dataclass(frozen=True, eq=False)
class Answers:
    """One setting's answers to one benchmark: the questions that every seed answered, in sorted order."""

    questions: tuple[str, ...]
    images: tuple[str, ...]  # of each question
    right_SQ: Integers  # 0 or 1  # noqa: N815

    @classmethod
    def collect(cls, seeds: Sequence[Mapping[str, tuple[str, int]]]) -> "Answers":
        """From one mapping per seed: question -> (image, 0 or 1).

        Raises:
            ConfigurationError: there is no seed or no common question, or a value is neither 0 nor 1.
        """
        common = sorted(set[str]().union(*seeds).intersection(*seeds)) if seeds else []
        if not common:
            raise ConfigurationError(f"{len(seeds)} seeds have no question in common; nothing can be compared")
        right_SQ = np.array([[seed[q][1] for q in common] for seed in seeds], dtype=np.int64)
        if not np.isin(right_SQ, (0, 1)).all():
            raise ConfigurationError("an answer is right (1) or wrong (0); found other values of `correct`")
        return cls(tuple(common), tuple(seeds[0][q][0] for q in common), right_SQ)

    @property
    def accuracies(self) -> tuple[float, ...]:
        """The accuracy of each seed."""
        return tuple(float(x) for x in self.right_SQ.mean(axis=1))

    def accuracy(self) -> Estimate:
        """The mean over seeds; its standard error is over images, for these trained models."""
        return accuracy(self.right_SQ.mean(axis=0), self.images)


def accuracy(correct: ArrayLike, images: Sequence[str]) -> Estimate:
    """Mean correctness with the standard error clustered by image (= scipy.stats.sem with one question each)."""
    correct_Q = np.asarray(correct, dtype=np.float64)
    sums_G, sizes_G = by_image(correct_Q, images)
    mean = float(correct_Q.mean())
    return Estimate(value=mean, standard_error=ratio_error(sums_G, sizes_G), n=len(correct_Q), images=len(sizes_G))


def noise_floor(accuracies: Iterable[Sequence[float]]) -> NoiseFloor | None:
    """Pool the between-seed variance over the settings that have two seeds or more; None when there is none."""
    groups = [np.asarray(seeds, dtype=np.float64) for seeds in accuracies if len(seeds) >= 2]
    dof = sum(len(g) - 1 for g in groups)
    if dof == 0:
        return None
    return NoiseFloor(sd=sqrt(sum(float(((g - g.mean()) ** 2).sum()) for g in groups) / dof), dof=dof)


def sign_flip_p(sums: ArrayLike) -> float:
    """Exact two-sided p of sum(sums) under the hypothesis that every integer in `sums` has a random sign.

    All 2^G sign patterns are counted, not sampled: the sum of independent +-k has the characteristic function
    prod cos(k t), and one inverse FFT turns that into the whole null distribution.
    """
    sums_G = np.asarray(sums, dtype=np.int64)
    values, counts = np.unique(np.abs(sums_G[sums_G != 0]), return_counts=True)
    if len(values) == 0:
        return 1.0
    size = 1 << (2 * int(values @ counts) + 1).bit_length()
    angles = 2 * np.pi * np.arange(size // 2 + 1) / size
    transform = np.ones(len(angles))
    for value, count in zip(values, counts, strict=True):
        transform *= np.cos(value * angles) ** count
    mass = np.fft.irfft(transform, n=size)  # mass[s] = P(sum is s), negative sums counted from the end
    distance = np.minimum(np.arange(size), size - np.arange(size))
    exact = float(mass[distance >= abs(int(sums_G.sum()))].sum())
    return float(min(1.0, max(exact, 1e-12)))  # values below 1e-12 are rounding errors of the FFT


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (family-wise error rate), in the order given."""
    corrected = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = running
    return corrected


def compare_all(settings: Mapping[str, Answers]) -> dict[tuple[str, str], Comparison]:
    """Every pair of settings of one benchmark, in the order of `settings`, corrected together."""
    floor = noise_floor(answers.accuracies for answers in settings.values())
    flips = _flip_variance(settings.values())
    pairs = list(combinations(settings, 2))
    raw = [_compare(settings[a], settings[b], floor, flips) for a, b in pairs]
    corrected = holm([c.p for c in raw])
    return {pair: _judged(c, p) for pair, c, p in zip(pairs, raw, corrected, strict=True)}


def _compare(a: Answers, b: Answers, floor: NoiseFloor | None, flips: float) -> Comparison:
    """One pair, not yet corrected for the number of pairs."""
    in_b = {q: i for i, q in enumerate(b.questions)}
    shared = [(i, in_b[q]) for i, q in enumerate(a.questions) if q in in_b]
    if not shared:
        raise ConfigurationError("two settings share no question; they were evaluated on different benchmarks")
    at_a, at_b = (list(side) for side in zip(*shared, strict=True))
    seeds_a, seeds_b = len(a.right_SQ), len(b.right_SQ)
    # The difference times seeds_a * seeds_b: whole numbers, so that the sign-flip test can be exact.
    units_Q = a.right_SQ[:, at_a].sum(axis=0) * seeds_b - b.right_SQ[:, at_b].sum(axis=0) * seeds_a
    sums_G, sizes_G = by_image(units_Q, [a.images[i] for i in at_a])
    diff_G = sums_G / (seeds_a * seeds_b)
    gap = float(diff_G.sum() / sizes_G.sum())
    low, high = interval(diff_G, sizes_G)
    p_images = sign_flip_p(np.rint(sums_G))
    p_training = None
    if floor is not None:
        share = 1 / seeds_a + 1 / seeds_b
        error = ratio_error(diff_G, sizes_G)
        p_training = _training_p(gap, error, len(sizes_G), floor.sd**2 * share, flips * share, floor.dof)
    return Comparison(
        gap=gap,
        low=low,
        high=high,
        n=len(shared),
        images=len(sizes_G),
        p_images=p_images,
        p_training=p_training,
        p=max(p_images, p_training or 0.0),
        floor=floor.gap(seeds_a, seeds_b) if floor else None,
        verdict=Verdict.ONE_SEED,
    )


def _judged(c: Comparison, p: float) -> Comparison:
    if c.floor is None:
        verdict = Verdict.ONE_SEED
    elif p < ALPHA and abs(c.gap) > c.floor:
        verdict = Verdict.A_BETTER if c.gap > 0 else Verdict.B_BETTER
    else:
        verdict = Verdict.NOT_DISTINGUISHABLE
    return replace(c, p=p, verdict=verdict)


def _training_p(gap: float, error: float, images: int, noise: float, flips: float, dof: int) -> float:
    """Two-sided p of `gap` if both images and seeds are drawn again (Welch-Satterthwaite).

    The random differences between seeds in single questions (`flips`) are a part of the error over images and of the
    between-seed variance (`noise`), so they are subtracted once.
    """
    from scipy.stats import t

    variance = error**2 + max(noise - flips, 0.0)
    if images < 2 or variance == 0:
        return 1.0 if images < 2 or gap == 0 else 0.0
    joint_dof = variance**2 / (error**4 / (images - 1) + noise**2 / dof)
    return float(2 * t.sf(abs(gap) / sqrt(variance), max(joint_dof, min(images - 1, dof))))


def _flip_variance(settings: Iterable[Answers]) -> float:
    """The part of one seed's variance that comes from independent changes of single images, pooled like the floor."""
    total, dof = 0.0, 0
    for answers in settings:
        seeds = len(answers.right_SQ)
        dof += seeds - 1
        for residual_Q in answers.right_SQ - answers.right_SQ.mean(axis=0) if seeds > 1 else ():
            error = ratio_error(*by_image(residual_Q, answers.images))
            total += error**2 if error < inf else 0.0
    return total / dof if dof else 0.0
