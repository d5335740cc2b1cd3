"""Pairs of made-up studies of the same settings: equal ones, and ones in which settings have become worse."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.random import Generator

from benchmarks.statistics_parts.cases import EVENLY, Draw
from benchmarks.statistics_parts.draw import Floats, Shares, beta, either, heavy, sheets
from shallowsight.evaluate.statistics.sheet import Sheet
from shallowsight.evaluate.statistics.two_studies import Sheets


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind of pair; setting k of the first study is compared with setting k of the second."""

    name: str
    settings: int = 6
    categories: int = 6
    seeds: tuple[int, int] = (3, 3)  # of each setting before, and after
    mean: float = 0.7
    sds: tuple[float, ...] = (0.03,)  # between seeds, of each setting (repeated to their number)
    sds_after: tuple[float, ...] | None = None  # None: as before
    draw: Draw = beta
    sizes: tuple[int, ...] = (1,) * 300  # questions about each picture
    shares: Shares = EVENLY
    paired: bool = True  # the same questions
    drop: float = 0.0  # of setting 0 after, in `dropping` categories
    dropping: int = 0
    every: bool = False  # every setting drops

    def drawn(self, rng: Generator) -> dict[str, Sheets]:
        """The sheets of the two studies, by category."""
        before, after = self._scores(rng, 0), self._scores(rng, 1)
        if self.paired:
            both = sheets([*before, *after], self.sizes, self.shares, rng)
            return {name: Sheets(_part(s, 0, self), _part(s, 1, self), paired=True) for name, s in both.items()}
        first, second = (sheets(scores, self.sizes, self.shares, rng) for scores in (before, after))
        return {name: Sheets(first[name], second[name], paired=False) for name in first}

    def dropped(self, category: str, setting: str) -> bool:
        """Whether this setting has truly become worse in this category, or over all for another name."""
        if not self.drop or not (self.every or setting == "s0"):
            return False
        word, _, number = category.partition(" ")
        return int(number) < self.dropping if word == "category" else True

    def _scores(self, rng: Generator, study: int) -> list[Floats]:
        sds = self.sds_after if study and self.sds_after is not None else self.sds
        found = []
        for k in range(self.settings):
            shape = (self.categories, self.seeds[study])
            true = self.draw(self.mean, sds[k % len(sds)], shape, rng)
            if study and (self.every or k == 0):
                true[: self.dropping] -= self.drop
            found.append(np.clip(true, 0, 1))
        return found


def _part(sheet: Sheet, study: int, case: Case) -> Sheet:
    rows = slice(study * case.settings, (study + 1) * case.settings)
    names = sheet.settings[: case.settings]
    return replace(sheet, settings=names, seeds=sheet.seeds[rows], parts=sheet.parts[rows])


NOISY = (0.02, 0.2, *(0.02,) * 4)
CLUSTERED = Shares(picture=0.1, question=0.1, setting=0.1, setting_picture=0.5)
_half = partial(either, learns=0.5)
_most = partial(either, learns=0.8)


def nulls() -> list[Case]:
    """Pairs of equal studies."""
    three: Mapping[str, Case] = {
        "equal noise": Case(name=""),
        "no noise but answers": Case(name="", sds=(0.0,)),
        "other questions after": Case(name="", paired=False),
        "one setting, one category": Case(name="", settings=1, categories=1),
        "one setting": Case(name="", settings=1),
        "one setting, noisier after": Case(name="", settings=1, sds=(0.02,), sds_after=(0.1,)),
        "two settings, other questions": Case(name="", settings=2, paired=False),
        "16 settings": Case(name="", settings=16),
        "noisier after": Case(name="", sds=(0.02,), sds_after=(0.1,)),
        "one setting 10 x sd": Case(name="", sds=NOISY),
        "one setting 10 x sd, after only": Case(name="", sds=(0.02,), sds_after=NOISY),
        "learns or not (half)": Case(name="", mean=0.55, sds=(0.3,), draw=_half),
        "learns or not (80 %)": Case(name="", sds=(0.3,), draw=_most),
        "one setting learns or not (80 %)": Case(name="", settings=1, sds=(0.3,), draw=_most),
        "heavy tails": Case(name="", sds=(0.06,), draw=heavy),
        "near 100 %": Case(name="", mean=0.97, sds=(0.015,)),
        "60 pictures, 5 questions each": Case(name="", sizes=(5,) * 60, shares=CLUSTERED),
        "40 pictures, 8 questions each, other questions": Case(
            name="", sds=(0.0,), sizes=(8,) * 40, shares=CLUSTERED, paired=False
        ),
        "40 questions": Case(name="", sizes=(1,) * 40),
    }
    found = [replace(case, name=f"{name}, 3 seeds") for name, case in three.items()]
    for text, seeds in (("2 seeds", (2, 2)), ("5 seeds", (5, 5)), ("3 seeds, then 1", (3, 1)), ("5, then 2", (5, 2))):
        found += [
            Case(name=f"equal noise, {text}", seeds=seeds),
            Case(name=f"one setting 10 x sd, {text}", seeds=seeds, sds=NOISY),
            Case(name=f"learns or not (80 %), {text}", seeds=seeds, sds=(0.3,), draw=_most),
        ]
    return found


def drops() -> list[Case]:
    """One of six settings is worse after, or all are; in one category or in all six."""
    found = []
    for seeds in (3, 5):
        for sd in (0.01, 0.03):
            for points in (0.05, 0.1, 0.2, 0.3):
                tail = f"-{100 * points:.0f} points, sd {100 * sd:.0f}, {seeds} seeds"
                base = Case(name="", seeds=(seeds, seeds), sds=(sd,), drop=points, dropping=6)
                found += [
                    replace(base, name=f"one setting, all categories: {tail}"),
                    replace(base, name=f"one setting, one category: {tail}", dropping=1),
                    replace(base, name=f"every setting, all categories: {tail}", every=True),
                ]
    for points in (0.1, 0.2):
        base = Case(name="", drop=points, dropping=6)
        found += [
            replace(base, name=f"the only setting, all categories: -{100 * points:.0f} points, sd 3", settings=1),
            replace(base, name=f"one setting, other questions: -{100 * points:.0f} points, sd 3", paired=False),
        ]
    return found
