"""The scores of each setting in each category, and over all categories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from shallowsight.evaluate.statistics.contrast import critical
from shallowsight.evaluate.statistics.equal_range import range_of_equals
from shallowsight.evaluate.statistics.family import ALPHA, OVERALL, Comparison, Judgement
from shallowsight.report.values import Member


@dataclass(frozen=True, kw_only=True)
class Score:
    """One setting in one category."""

    setting: str
    accuracy: float  # mean over seeds
    sd: float | None  # between seeds; None with one seed
    half: float | None  # half of the 95 % interval of the mean for other trainings; None: training noise unknown
    standard_error: float  # clustered by picture
    n: int
    images: int
    seeds: Mapping[int, float]


@dataclass(frozen=True, kw_only=True)
class Category:
    """All settings in one category, or over all categories (name OVERALL)."""

    name: str
    benchmarks: tuple[str, ...]
    chance: float | None
    scores: Mapping[str, Score]
    judgement: Judgement  # of the whole study

    def compare(self, a: str, b: str) -> Comparison | None:
        """Setting a against setting b; None when one of them has no result."""
        return self.judgement.compare(self.name, a, b)

    def range_of_equals(self, settings: Sequence[str]) -> float | None:
        """The range that these settings stay below if all are equally good; None: the training noise is unknown."""
        seeds = {setting: len(self.scores[setting].seeds) for setting in settings}
        return range_of_equals(self.judgement.noise.get(self.name, {}), seeds)

    def best(self, members: tuple[Member, ...]) -> Score | None:
        """The highest score among these members; among equal scores, that of the shallower layer."""
        scored = [self.scores[m.setting] for m in sorted(members, key=lambda m: m.layers) if m.setting in self.scores]
        return max(scored, key=lambda s: s.accuracy, default=None)


def category_of(name: str, rows: Sequence[Mapping[str, Any]], judgement: Judgement) -> Category:
    """One category; `rows` are what scores.json says of its benchmarks whose metric is an accuracy."""
    return Category(
        name=name,
        benchmarks=tuple(dict.fromkeys(str(b["name"]) for b in rows)),
        chance=chance_of(rows),
        scores=_scores(name, judgement),
        judgement=judgement,
    )


def chance_of(rows: Sequence[Mapping[str, Any]]) -> float | None:
    """The accuracy of guessing over some benchmarks, each weighted by its questions; None where it is not known."""
    chances = {str(b["name"]): (float(b["chance"]), int(b["n"])) for b in rows if b.get("chance") is not None}
    weight = sum(n for _, n in chances.values())
    return sum(chance * n for chance, n in chances.values()) / weight if weight else None


def overall_of(categories: Sequence[Category], judgement: Judgement) -> Category | None:
    """All categories with the same weight; None with fewer than two."""
    if OVERALL not in judgement.sheets:
        return None
    known = [c.chance for c in categories if c.chance is not None]
    return Category(
        name=OVERALL,
        benchmarks=tuple(b for c in categories for b in c.benchmarks),
        chance=fmean(known) if len(known) == len(categories) else None,
        scores=_scores(OVERALL, judgement),
        judgement=judgement,
    )


def _scores(category: str, judgement: Judgement) -> dict[str, Score]:
    sheet, noise = judgement.sheets[category], judgement.noise[category]
    found = {}
    for setting, seeds, parts in zip(sheet.settings, sheet.seeds, sheet.parts, strict=True):
        by_seed = [float(x) for x in parts.sum(axis=1)]
        known = noise.get(setting)
        found[setting] = Score(
            setting=setting,
            accuracy=fmean(by_seed),
            sd=stdev(by_seed) if len(by_seed) > 1 else None,
            half=None if known is None else critical(ALPHA, 0.0, known.variance / len(by_seed), known.dof),
            standard_error=sheet.picture_error(setting),
            n=sheet.questions,
            images=len(sheet.images),
            seeds=dict(zip(seeds, by_seed, strict=True)),
        )
    return found
