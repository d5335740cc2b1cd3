"""The findings of a study: the scores of each setting in each category, and the verdict on every comparison.

A category joins the questions of its benchmarks, with equal weights. All numbers come from samples.jsonl, so that
scores, standard errors and tests agree; scores.json is only compared with them.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from shallowsight.errors import ConfigurationError
from shallowsight.evaluate.statistics.answers import Answers
from shallowsight.evaluate.statistics.family import Judgement, Planned, judge
from shallowsight.evaluate.statistics.looks import level_of
from shallowsight.evaluate.statistics.sheet import Sheet
from shallowsight.report.curves import curves_of
from shallowsight.report.levelling import Curves
from shallowsight.report.scores import Category, category_of, chance_of, overall_of
from shallowsight.report.values import Member, Study, Trial

log = logging.getLogger(__name__)

TOLERANCE = 5e-4  # allowed difference between scores.json, which may be rounded, and samples.jsonl


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All categories, the verdicts, and the problems that were found in the results."""

    categories: tuple[Category, ...]
    overall: Category | None  # with two categories or more
    planned: Planned
    judgement: Judgement | None  # None without results
    level: float  # the probability of a false claim among all planned contrasts, at this look
    curves: Curves  # on held-out questions
    problems: tuple[str, ...]
    trials: Mapping[str, tuple[Trial, ...]]  # of each setting, without seeds that repeat an earlier one

    @property
    def every(self) -> tuple[Category, ...]:
        """The categories, and all of them together at the end."""
        return (*self.categories, *((self.overall,) if self.overall else ()))

    @property
    def noise_known(self) -> bool:
        """Whether the seeds suffice to know the training noise anywhere."""
        return self.judgement is not None and any(self.judgement.noise.values())


def find(study: Study) -> Findings:
    """Score and compare all finished members."""
    problems = list(study.problems)
    trials = {m.setting: distinct(m, problems) for m in study.members if m.done}
    for setting, kept in trials.items():
        problems += [p for trial in kept for p in _mismatches(setting, trial)]
    names = list(dict.fromkeys(s.category for kept in trials.values() for trial in kept for s in trial.samples))
    answers = {name: found for name in names if (found := _collect(name, trials, problems))}
    problems += [
        f"{name}: not compared, because no answer to its questions is decided; a judge may decide them (judge.ask)"
        for name in names
        if name not in answers and _accuracies(name, trials)
    ]
    planned = _planned(study)
    level = level_of(study.more_seeds)
    if not answers:
        return Findings(
            categories=(),
            overall=None,
            planned=planned,
            judgement=None,
            level=level,
            curves=Curves(study, {}, {}),
            problems=tuple(problems),
            trials=trials,
        )
    sheets = _sheets(answers, problems)
    chances = {name: chance for name in sheets if (chance := chance_of(_accuracies(name, trials))) is not None}
    curves = Curves(study, curves_of(study, sheets), chances)
    judgement = judge(sheets, planned, level, curves.why_not)
    categories = tuple(category_of(name, _accuracies(name, trials), judgement) for name in sheets)
    return Findings(
        categories=categories,
        overall=overall_of(categories, judgement),
        planned=planned,
        judgement=judgement,
        level=level,
        curves=curves,
        problems=tuple(problems),
        trials=trials,
    )


def _planned(study: Study) -> Planned:
    usual = study.role("penultimate")
    return Planned(
        usual=usual.setting if usual else None,
        singles=tuple(m.setting for m in study.members if m.single),
        controls=tuple(m.setting for m in study.members if m.control),
        fusions=tuple(m.setting for m in study.members if not m.single and not m.control),
        ended=tuple(m.setting for m in study.ended),
        ended_fusions=tuple(m.setting for m in study.ended if not m.single and not m.control),
    )


def _collect(name: str, trials: Mapping[str, tuple[Trial, ...]], problems: list[str]) -> dict[str, Answers]:
    other = {str(b["name"]) for b in _benchmarks(name, trials)} - {str(b["name"]) for b in _accuracies(name, trials)}
    found = {}
    for setting, kept in trials.items():
        tables = {t.seed: table for t in kept if (table := _table(t, name, other))}
        try:
            if tables:
                found[setting] = Answers.collect(tables)
        except ConfigurationError as error:
            problems.append(f"{setting} in {name}: {error}")
    return found


def _sheets(answers: Mapping[str, Mapping[str, Answers]], problems: list[str]) -> dict[str, Sheet]:
    sheets = {}
    for name, found in answers.items():
        try:
            sheets[name] = Sheet.of(found)
        except ConfigurationError as error:
            problems.append(f"{name}: settings cannot be compared: {error}")
    return sheets


def _benchmarks(name: str, trials: Mapping[str, tuple[Trial, ...]]) -> list[Mapping[str, Any]]:
    return [b for kept in trials.values() for t in kept for b in t.benchmarks if b.get("category") == name]


def _accuracies(name: str, trials: Mapping[str, tuple[Trial, ...]]) -> list[Mapping[str, Any]]:
    """What scores.json says of the benchmarks of a category whose metric is an accuracy."""
    return [b for b in _benchmarks(name, trials) if b.get("metric", "accuracy") == "accuracy"]


def _table(trial: Trial, category: str, without: set[str]) -> dict[str, tuple[str, float]]:
    """Question -> (image, score). An undecided answer is neither right nor wrong, and not among them."""
    chosen = (s for s in trial.samples if s.category == category and s.benchmark not in without)
    rows = (s for s in chosen if not s.undecided)
    return {f"{s.benchmark}/{s.id}": (s.image_id, s.correct) for s in rows}


def distinct(member: Member, problems: list[str]) -> tuple[Trial, ...]:
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
