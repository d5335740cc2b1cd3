"""Seeds that are added to undecided settings, against an equal number of seeds for every setting.

All seeds of a made-up study are drawn at once and shown look by look, which is the same as training them when asked.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.random import Generator

from benchmarks.statistics_parts.cases import ONE_NOISY, Case
from benchmarks.statistics_parts.draw import Floats, either, sheets
from benchmarks.statistics_parts.ways import USUAL, Claims, Drawn, chosen
from shallowsight.evaluate.statistics.family import ALPHA, Planned, judge
from shallowsight.evaluate.statistics.looks import settings_of, undecided
from shallowsight.evaluate.statistics.sheet import Sheet

FIRST, MORE = 3, 3  # seeds of every setting, and in reserve


@dataclass(frozen=True, kw_only=True)
class Shifted(Case):
    """Every setting is better than the usual choice by its own shift, in all categories."""

    shifts: tuple[float, ...]

    def scores(self, rng: Generator) -> list[Floats]:
        return [
            self.draw(self.mean + shift, self.sds[0], (self.categories, seeds), rng)
            for shift, seeds in zip(self.shifts, self.seeds, strict=True)
        ]

    def true(self, category: str, setting: str) -> float:
        name, _, against_best = setting.partition(" ")
        shift = self.shifts[int(name[1:])]
        return shift - max(self.shifts[: len(self.shifts) - self.fusions]) if against_best else shift


@dataclass
class Counted:
    """What was counted over all studies of one kind."""

    case: Case
    studies: int
    false_at_any_look: int = 0
    false_at_the_end: int = 0
    found: int = 0  # claims of planted contrasts in the final report, over all studies
    trainings: int = 0
    found_with: Counter[int] = field(default_factory=Counter)  # seeds of every setting -> the same, with one look


def count(case: Case, studies: int, seed: int) -> Counted:
    """Draw studies of one kind; `case.seeds` are all seeds that a setting may get."""
    rng = np.random.default_rng([seed, *case.name.encode()])
    result = Counted(case, studies)
    for _ in range(studies):
        drawn = sheets(case.scores(rng), case.sizes, case.shares, rng)
        claims, trainings = _sequence(case, drawn)
        result.false_at_any_look += any(_false(case, c) for c in claims)
        result.false_at_the_end += _false(case, claims[-1])
        result.found += _found(case, claims[-1])
        result.trainings += trainings
        if _planted(case):
            for seeds in range(FIRST, FIRST + MORE + 1):
                fixed = {k: _shown(s, dict.fromkeys(s.settings, seeds)) for k, s in drawn.items()}
                result.found_with[seeds] += _found(case, _claims(case, fixed, ALPHA)[0])
    return result


def _sequence(case: Case, drawn: Mapping[str, Sheet]) -> tuple[list[Claims], int]:
    """The claims of every look, and the number of trainings."""
    names = next(iter(drawn.values())).settings
    seeds, open_pairs, claims = dict.fromkeys(names, FIRST), None, []
    level = ALPHA / (1 + MORE)
    for _ in range(1 + MORE):
        found, study = _claims(case, {k: _shown(s, seeds) for k, s in drawn.items()}, level)
        claims.append(found)
        now = undecided(study.judgement, _planned(case, names), level)
        open_pairs = now if open_pairs is None else open_pairs & now
        waiting = settings_of(open_pairs)
        if not waiting or len(claims) > MORE:
            break
        seeds = {name: n + (name in waiting) for name, n in seeds.items()}
    return claims, sum(seeds.values())


def _claims(case: Case, shown: Mapping[str, Sheet], level: float) -> tuple[Claims, Drawn]:
    names = next(iter(shown.values())).settings
    study = Drawn(case, shown, judge(shown, _planned(case, names), level))
    return chosen(study), study


def _planned(case: Case, names: tuple[str, ...]) -> Planned:
    return Planned(USUAL, names[: len(names) - case.fusions], names[len(names) - case.fusions :])


def _shown(sheet: Sheet, seeds: Mapping[str, int]) -> Sheet:
    """The sheet with the first seeds of each setting."""
    parts = tuple(p[: seeds[name]] for name, p in zip(sheet.settings, sheet.parts, strict=True))
    return replace(sheet, parts=parts, seeds=tuple(tuple(range(len(p))) for p in parts))


def _false(case: Case, claims: Claims) -> bool:
    return any(case.true(*key) * sign <= 0 for key, sign in claims.items())


def _found(case: Case, claims: Claims) -> int:
    return sum(case.true(*key) * sign > 0 for key, sign in claims.items())


def rows(results: Iterable[Counted]) -> Iterable[str]:
    """Markdown rows. Claims found are a mean over studies, compared with a fixed number of seeds of equal mean cost."""
    yield "| study | false at any look, % | false in the report, % | trainings | claims found | fixed, equal cost |"
    yield "|---|---|---|---|---|---|"
    for r in results:
        mean = r.trainings / r.studies
        found = f"{r.found / r.studies:.2f}" if _planted(r.case) else ""
        fixed = f"{at_equal_cost(r):.2f}" if _planted(r.case) else ""
        false = f"{100 * r.false_at_any_look / r.studies:.1f} | {100 * r.false_at_the_end / r.studies:.1f}"
        most = len(r.case.seeds) * (FIRST + MORE)
        yield f"| {r.case.name} | {false} | {mean:.1f} of {most} | {found} | {fixed} |"


def _planted(case: Case) -> bool:
    return isinstance(case, Shifted)


def at_equal_cost(r: Counted) -> float:
    """Claims found in a study whose settings all have the next smaller or the next larger number of seeds, by lot."""
    seeds = r.trainings / r.studies / len(r.case.seeds)
    low = min(int(seeds), FIRST + MORE - 1)
    share = seeds - low
    return ((1 - share) * r.found_with[low] + share * r.found_with[low + 1]) / r.studies


def cases() -> list[Case]:
    """Nulls, then settings that are better or worse than the usual choice."""
    every = (FIRST + MORE,) * 6
    shallow = {"four of six are 30 worse, one 10 better": (0, 0.1, -0.3, -0.3, -0.3, -0.3)}
    some = {"one of six 10 better": (0, 0.1, 0, 0, 0, 0), "all of six differ by 10": (0, 0.1, -0.1, -0.2, 0.2, -0.3)}
    return [
        Case(name="equal noise", seeds=every, sds=(0.03,)),
        Case(name="one 10 x sd", seeds=every, sds=ONE_NOISY),
        Case(name="usual choice 10 x sd", seeds=every, sds=(0.2, *(0.02,) * 5)),
        Case(name="learns or not (half)", seeds=every, mean=0.55, sds=(0.3,), draw=partial(either, learns=0.5)),
        *(
            Shifted(name=f"{name}, sd {100 * sd:.0f}", seeds=every, mean=0.6, sds=(sd,), shifts=shifts)
            for name, shifts in (shallow | some).items()
            for sd in (0.01, 0.03)
        ),
    ]
