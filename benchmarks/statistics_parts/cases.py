"""Made-up studies: nulls, in which no two settings differ on average, and planted effects."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator

from benchmarks.statistics_parts.draw import Floats, Shares, beta, either, heavy

EVENLY = Shares()
Draw = Callable[[float, float, tuple[int, ...], Generator], Floats]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind of study. The setting 0 is the usual choice; the last `fusions` settings are fusions."""

    name: str
    seeds: tuple[int, ...]  # of each setting
    categories: int = 6
    mean: float = 0.7
    sds: tuple[float, ...]  # between seeds, of each setting (repeated to their number)
    noisy: int | None = None  # only so many categories have these standard deviations; the others have QUIET
    draw: Draw = beta
    together: bool = False  # a seed is good or bad in all categories alike
    sizes: tuple[int, ...] = (1,) * 300  # questions about each picture
    shares: Shares = EVENLY
    effect: float = 0.0  # of setting 1, in every category that has it
    effects: int | None = None  # the number of categories with the effect; None: all
    fusions: int = 1

    def scores(self, rng: Generator) -> list[Floats]:
        """True scores of every training, [C, S] for each setting."""
        found = []
        for number, seeds in enumerate(self.seeds):
            rows = []
            once = self.draw(self.mean, self._sd(number, 0), (seeds,), rng)
            for category in range(self.categories):
                fresh = once if self.together else self.draw(self.mean, self._sd(number, category), (seeds,), rng)
                planted = number == 1 and (self.effects is None or category < self.effects)
                rows.append(fresh + self.effect * planted)
            found.append(np.clip(np.array(rows), 0, 1))
        return found

    def variance(self, setting: int, category: str) -> float:
        """The true variance between seeds in `category N`, or of the mean over all categories for another name."""
        each = [self._sd(setting, c) ** 2 for c in range(self.categories)]
        word, _, number = category.partition(" ")
        if word == "category":
            return each[int(number)]
        return each[0] if self.together else sum(each) / len(each) ** 2

    def true(self, category: str, setting: str) -> float:
        """The true gap of a setting to the usual choice."""
        if setting != "s1":
            return 0.0
        having = self.categories if self.effects is None else self.effects
        word, _, number = category.partition(" ")
        if word == "category":
            return self.effect if int(number) < having else 0.0
        return self.effect * having / self.categories

    def _sd(self, setting: int, category: int) -> float:
        if self.noisy is not None and category >= self.noisy:
            return QUIET
        return self.sds[setting % len(self.sds)]


QUIET = 0.02
DEMO_OCR = (0.04, 0.25, 0.09, 0.01, 0.03, 0.08)  # as the demo's sds in OCR, but for the largest: .43 came of two seeds


def nulls() -> list[Case]:
    """Every null, by number of seeds."""
    return [
        *(case for seeds in (2, 3, 5) for case in (*_six_settings(seeds), *_other_sizes(seeds))),
        Case(name="10 seeds, one 10 x sd", seeds=(10,) * 6, sds=ONE_NOISY),
        Case(name="10 seeds, learns or not (half)", seeds=(10,) * 6, mean=0.55, sds=(0.3,), draw=_half),
        Case(name="1 to 5 seeds, the noisy one has 1", seeds=(3, 1, 2, 5, 3, 4), sds=ONE_NOISY),
        Case(name="1 to 5 seeds, the noisy one has 2", seeds=(5, 2, 5, 1, 5, 5), sds=ONE_NOISY),
        Case(name="1 seed", seeds=(1,) * 6, sds=(0.03,)),
    ]


def _six_settings(s: int) -> list[Case]:
    def case(name: str, sds: tuple[float, ...], **more: Any) -> Case:
        return Case(name=f"{name}, {s} seeds", seeds=(s,) * 6, sds=sds, **more)

    first = (0.2, *(0.02,) * 5)
    return [
        case("equal noise", (0.03,)),
        case("no noise but answers", (0.0,)),
        case("two of six 8 x variance", (0.085, 0.03, 0.03, 0.085, 0.03, 0.03)),
        case("usual choice 8 x variance", (0.085, *(0.03,) * 5)),
        case("one 10 x sd", ONE_NOISY),
        case("usual choice 10 x sd", first),
        case("usual choice 10 x sd in one category", first, noisy=1),
        case("the demo's OCR noise everywhere", DEMO_OCR, mean=0.6),
        case("the demo's OCR noise in one category", DEMO_OCR, mean=0.6, noisy=1),
        case("learns or not (half)", (0.3,), mean=0.55, draw=_half),
        case("learns or not (80 %)", (0.3,), draw=_most),
        case("learns or not, in one category", (0.3,), mean=0.55, draw=_half, noisy=1),
        case("heavy tails", (0.06,), draw=heavy),
        case("near 100 %", (0.015,), mean=0.97),
        case("near 100 %, unequal", (0.05, *(0.005,) * 5), mean=0.97),
        case("60 pictures, 5 questions each", (0.03,), sizes=(5,) * 60, shares=_CLUSTERED),
        case("40 pictures, 8 questions each", (0.0,), sizes=(8,) * 40, shares=_CLUSTERED),
        case("20 pictures, 15 questions each", (0.0,), sizes=(15,) * 20, shares=_CLUSTERED),
        case("60 pictures, 1 to 21 questions", (0.0,), sizes=_UNEVEN, shares=_CLUSTERED),
        case("a seed is bad everywhere", (0.08, *(0.03,) * 5), together=True),
        case("40 questions", (0.03,), sizes=(1,) * 40),
        case("1 category", (0.1, *(0.03,) * 5), categories=1),
    ]


def _other_sizes(s: int) -> list[Case]:
    two, many = (s,) * 2, (s,) * 26
    noisy = (0.2, *(0.02,) * 25)
    return [
        Case(name=f"2 settings, 1 category, {s} seeds", seeds=two, categories=1, sds=(0.03, 0.15), fusions=0),
        Case(name=f"2 settings, {s} seeds", seeds=two, sds=(0.03, 0.15), fusions=0),
        Case(name=f"2 settings learn or not, {s} seeds", seeds=two, mean=0.55, sds=(0.3,), draw=_half, fusions=0),
        Case(name=f"26 settings, 1 category, {s} seeds", seeds=many, categories=1, sds=noisy),
        Case(name=f"26 settings, 10 categories, {s} seeds", seeds=many, categories=10, sds=(0.03, 0.06, 0.1)),
    ]


def planted() -> list[Case]:
    """One setting is ten points better than all others: in every category, or in one."""
    found = []
    for s in (2, 3, 5, 10):
        for sd in (0.01, 0.02, 0.03, 0.06):
            tail = f"sd {100 * sd:.0f}, {s} seeds"
            found += [_planted(f"+10 in all of 6, {tail}", s, sd), _planted(f"+10 in 1 of 6, {tail}", s, sd, effects=1)]
    for s in (3, 5):
        another = (0.02, 0.02, 0.2, 0.02, 0.02, 0.02)
        found += [
            replace(_planted(f"+10 in all of 6, another 10 x sd, {s} seeds", s, 0.02), sds=another),
            _planted(f"+10, 1 category, sd 2, {s} seeds", s, 0.02, categories=1),
            _planted(f"+10, 1 category, 2 settings, sd 2, {s} seeds", s, 0.02, settings=2, categories=1, fusions=0),
        ]
    return found


def _planted(name: str, seeds: int, sd: float, settings: int = 6, **more: Any) -> Case:
    return Case(name=name, seeds=(seeds,) * settings, mean=0.6, sds=(sd,), effect=0.1, **more)


ONE_NOISY = (0.02, 0.2, *(0.02,) * 4)
_CLUSTERED = Shares(picture=0.1, question=0.1, setting=0.1, setting_picture=0.5)
_UNEVEN = tuple(1 + round(20 * (i / 59) ** 4) for i in range(60))
_half = partial(either, learns=0.5)
_most = partial(either, learns=0.8)
