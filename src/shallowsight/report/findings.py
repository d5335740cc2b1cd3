"""The findings of a study: the scores of each setting in each category, and a comparison of every pair.

A category joins the questions of its benchmarks, with equal weights. All numbers come from samples.jsonl, so that
scores, standard errors and tests agree; scores.json is only compared with them.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

from shallowsight.errors import ConfigurationError
from shallowsight.evaluate.statistics import Answers, Comparison, NoiseFloor, compare_all, noise_floor
from shallowsight.report.values import Member, Study, Trial

log = logging.getLogger(__name__)

TOLERANCE = 5e-4  # allowed difference between scores.json, which may be rounded, and samples.jsonl


@dataclass(frozen=True, kw_only=True)
class Score:
    """One setting in one category."""

    setting: str
    accuracy: float  # mean over seeds
    sd: float | None  # between seeds; None with one seed
    standard_error: float  # clustered by image
    n: int
    images: int
    seeds: Mapping[int, float]


@dataclass(frozen=True, kw_only=True)
class Category:
    """All settings in one category."""

    name: str
    benchmarks: tuple[str, ...]
    chance: float | None
    floor: NoiseFloor | None
    scores: Mapping[str, Score]
    pairs: Mapping[tuple[str, str], Comparison]

    def compare(self, a: str, b: str) -> Comparison | None:
        """Setting a against setting b; None when one of them has no result."""
        if (a, b) in self.pairs:
            return self.pairs[a, b]
        return self.pairs[b, a].flipped() if (b, a) in self.pairs else None

    def best(self, members: tuple[Member, ...]) -> Score | None:
        """The highest score among these members; among equal scores, that of the shallower layer."""
        scored = [self.scores[m.setting] for m in sorted(members, key=lambda m: m.layers) if m.setting in self.scores]
        return max(scored, key=lambda s: s.accuracy, default=None)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All categories, and the problems that were found in the results."""

    categories: tuple[Category, ...]
    problems: tuple[str, ...]


def find(study: Study) -> Findings:
    """Score and compare all finished members."""
    problems = list(study.problems)
    trials = {m.setting: _distinct(m, problems) for m in study.members if m.done}
    for setting, kept in trials.items():
        problems += [p for trial in kept for p in _mismatches(setting, trial)]
    names = dict.fromkeys(s.category for kept in trials.values() for trial in kept for s in trial.samples)
    return Findings(
        categories=tuple(c for name in names if (c := _category(name, trials, problems)) is not None),
        problems=tuple(problems),
    )


def _category(name: str, trials: Mapping[str, tuple[Trial, ...]], problems: list[str]) -> Category | None:
    every = [b for kept in trials.values() for t in kept for b in t.benchmarks if b.get("category") == name]
    other = {str(b["name"]) for b in every if b.get("metric", "accuracy") != "accuracy"}
    answers: dict[str, Answers] = {}
    seeds: dict[str, list[int]] = {}
    for setting, kept in trials.items():
        tables = {t.seed: _answers(t, name, other) for t in kept}
        tables = {seed: table for seed, table in tables.items() if table}
        try:
            if tables:
                answers[setting] = Answers.collect(list(tables.values()))
                seeds[setting] = list(tables)
        except ConfigurationError as error:
            problems.append(f"{setting} in {name}: {error}")
    if not answers:
        return None
    try:
        pairs = compare_all(answers)
    except ConfigurationError as error:
        problems.append(f"{name}: settings cannot be compared: {error}")
        pairs = {}
    chances = {str(b["name"]): (float(b["chance"]), int(b["n"])) for b in every if b.get("chance") is not None}
    weight = sum(n for _, n in chances.values())
    return Category(
        name=name,
        benchmarks=tuple(dict.fromkeys(str(b["name"]) for b in every if b["name"] not in other)),
        chance=sum(chance * n for chance, n in chances.values()) / weight if weight else None,
        floor=noise_floor(a.accuracies for a in answers.values()),
        scores={setting: _score(setting, a, seeds[setting]) for setting, a in answers.items()},
        pairs=pairs,
    )


def _score(setting: str, answers: Answers, seeds: list[int]) -> Score:
    by_seed = answers.accuracies
    estimate = answers.accuracy()
    return Score(
        setting=setting,
        accuracy=fmean(by_seed),
        sd=stdev(by_seed) if len(by_seed) > 1 else None,
        standard_error=estimate.standard_error,
        n=estimate.n,
        images=estimate.images,
        seeds=dict(zip(seeds, by_seed, strict=True)),
    )


def _answers(trial: Trial, category: str, without: set[str]) -> dict[str, tuple[str, int]]:
    """Question -> (image, right)."""
    rows = (s for s in trial.samples if s.category == category and s.benchmark not in without)
    return {f"{s.benchmark}/{s.id}": (s.image_id, s.correct) for s in rows}


def _distinct(member: Member, problems: list[str]) -> tuple[Trial, ...]:
    """Drop seeds with the same answers as an earlier seed: they are one model, and would hide the training noise."""
    kept: dict[tuple[tuple[str, str, str], ...], Trial] = {}
    for trial in member.done:
        key = tuple((s.benchmark, s.id, s.prediction) for s in trial.samples)
        if key in kept:
            problems.append(
                f"{member.label}: seeds {kept[key].seed} and {trial.seed} gave the same answer to every question, "
                "so they are counted as one seed; check that the seed reaches the training"
            )
        kept.setdefault(key, trial)
    return tuple(kept.values())


def _mismatches(setting: str, trial: Trial) -> list[str]:
    found = []
    for b in trial.benchmarks:
        rows = [s.correct for s in trial.samples if s.benchmark == b.get("name")]
        if b.get("metric", "accuracy") == "accuracy" and rows and abs(fmean(rows) - float(b["value"])) > TOLERANCE:
            found.append(
                f"{setting}, seed {trial.seed}, {b['name']}: scores.json says {float(b['value']):.4f}, "
                f"samples.jsonl {fmean(rows):.4f}; the report uses the latter"
            )
    return found
