"""A study that trains fewer settings to the end: who goes on after a rung, and what that cost and may have missed.

Everything is computed from the finished cells each time, so that an interrupted study goes on where it stopped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from shallowsight.errors import ConfigurationError, CorruptOutput
from shallowsight.report.values import Member, Study, Trial
from shallowsight.study.halving import Halving, full_runs, promote


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A rung whose trainings are finished, and who goes on from it."""

    part: int
    next_part: int
    scores: Mapping[str, float]  # of each setting at this rung, in the order of the study
    going_on: tuple[str, ...]
    control: str
    promoted: tuple[str, ...]  # the value of the key `halving.promoted` after this rung

    @property
    def dropped(self) -> tuple[str, ...]:
        return tuple(setting for setting in self.scores if setting not in self.going_on)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One setting of a halved study."""

    member: Member
    scores: Mapping[int, float]  # part -> the score after it; a part without results is left out
    kept: bool  # whatever it scores


@dataclass(frozen=True, kw_only=True)
class Halved:
    """How far a study has come, and what it cost."""

    parts: tuple[int, ...]
    standings: tuple[Standing, ...]  # those that came furthest first, and of these the best
    counts: tuple[int, ...]  # of each rung, how many settings were trained for it
    full_runs: float  # the finetunings, in whole ones of one setting
    control: str

    @property
    def finished(self) -> tuple[Standing, ...]:
        """The settings that were trained to the end and have a score."""
        return tuple(each for each in self.standings if 1 in each.scores)

    @property
    def regret(self) -> float | None:
        """How much more the control scores than the best of the others, trained to the end; None: not known yet.

        The control was drawn by lot from those that the first rung dropped. A value above 0 says that halving dropped
        a setting that is better than what it kept; below 0 it says how far a typical one of the dropped is from that.
        """
        others = [each.scores[1] for each in self.finished if each.member.setting != self.control]
        own = [each.scores[1] for each in self.finished if each.member.setting == self.control]
        return own[0] - max(others) if own and others else None


def halving_of(study: Study) -> Halving:
    """What the study says about halving; off in a study of an older version."""
    return Halving.model_validate(study.raw.get("halving") or {})


def next_rung(study: Study) -> Rung | None:
    """Who goes on now; None: the trainings that went on were trained to the end.

    Raises:
        ConfigurationError: the study is not halved, or the trainings of its newest rung are not finished.
        CorruptOutput: the groups, whose representatives are kept, cannot be read.
    """
    halving, everyone = halving_of(study), _everyone(study)
    if not halving.eta:
        raise ConfigurationError("the study trains every setting to the end; halving.eta=3 would train fewer")
    if not everyone:
        raise ConfigurationError("the study has no plan yet; run it to its end first")
    part = min(member.part for member in everyone)
    here = [member for member in everyone if member.part == part]
    if lacking := [member.label for member in here if len(member.done) < len(member.trials)]:
        raise ConfigurationError(
            f"the rung is not finished ({', '.join(lacking)} lack results); run it to its end first"
        )
    if part == 1:
        return None
    if halving.representatives and study.analysis is None:
        why = "; ".join(study.problems) or "there is no analysis"
        raise CorruptOutput(
            f"the groups, whose representatives halving keeps, cannot be read ({why}); "
            "halving.representatives=false goes without"
        )
    next_part = halving.parts[halving.parts.index(part) + 1]
    scores = scores_of({member.setting: member.trials for member in here})
    places, kept = halving.places(len(everyone), next_part), _kept(study, halving)
    found = promote(scores, places, kept, halving.control, halving.seed)
    reached = halving.reached | dict.fromkeys(found.going_on, next_part)
    return Rung(
        part=part,
        next_part=next_part,
        scores=scores,
        going_on=found.going_on,
        control=found.control,
        promoted=tuple(
            f"{member.setting}={reached[member.setting]}" for member in everyone if member.setting in reached
        ),
    )


def halved(study: Study) -> Halved | None:
    """How far a halved study has come; None for another study."""
    halving = halving_of(study)
    if not halving.eta:
        return None
    everyone, kept = _everyone(study), _kept(study, halving)
    by_part = {part: scores_of(_finished(everyone, part)) for part in halving.parts}
    standings = [
        Standing(
            member=member,
            scores={part: found[member.setting] for part, found in by_part.items() if member.setting in found},
            kept=member.setting in kept,
        )
        for member in everyone
    ]
    standings.sort(key=lambda each: (each.member.part, -each.scores.get(each.member.part, 0.0)))
    reached = [sum(member.part <= part for member in everyone) for part in halving.parts]
    counts = tuple(count for count in reached if count)
    decay = float(((study.raw.get("base") or {}).get("finetune") or {}).get("decay", 0.0))
    return Halved(
        parts=halving.parts,
        standings=tuple(standings),
        counts=counts,
        full_runs=full_runs(counts, halving.parts[: len(counts)], decay),
        control=halving.control,
    )


def scores_of(trials: Mapping[str, Sequence[Trial]]) -> dict[str, float]:
    """The score of each setting: the mean over its seeds of all categories with equal weights.

    Only categories that every setting has results for count. Of a category the questions weigh alike, and only
    benchmarks whose metric is an accuracy count.
    """
    found = {setting: [_by_category(trial) for trial in each] for setting, each in trials.items()}
    shared = set.intersection(*(set(seed) for seeds in found.values() for seed in seeds)) if found else set()
    if found and not shared:
        raise ConfigurationError("no category has results for every setting, so that the settings cannot be halved")
    return {setting: fmean(seed[c] for seed in seeds for c in shared) for setting, seeds in found.items()}


def _by_category(trial: Trial) -> dict[str, float]:
    rows = [b for b in trial.benchmarks if b.get("metric", "accuracy") == "accuracy"]
    right: dict[str, list[tuple[float, int]]] = {}
    for row in rows:
        right.setdefault(str(row.get("category")), []).append((float(row["value"]), int(row["n"])))
    return {name: sum(v * n for v, n in found) / sum(n for _, n in found) for name, found in right.items()}


def _finished(everyone: Sequence[Member], part: int) -> dict[str, tuple[Trial, ...]]:
    """The members that have all their results after this part."""
    trials = {m.setting: m.trials if m.part == part else m.shorter.get(part, ()) for m in everyone}
    return {setting: found for setting, found in trials.items() if found and all(t.done for t in found)}


def _everyone(study: Study) -> tuple[Member, ...]:
    """All settings, in the order of the study."""
    return tuple(sorted((*study.members, *study.ended), key=lambda member: member.place))


def _kept(study: Study, halving: Halving) -> frozenset[str]:
    """The penultimate layer, with which all are compared, and the representatives of the groups."""
    groups = study.analysis.groups if study.analysis and halving.representatives else ()
    real = groups if len(groups) > 1 else ()  # one alone: the analysis found that all layers are alike
    layers = {(group.representative,) for group in real if group.representative is not None}
    singles = (member for member in _everyone(study) if member.single)
    return frozenset(m.setting for m in singles if m.layers in layers or "penultimate" in m.roles)
