"""The scores of one setting in parts of its questions, such as the benchmarks or their sub-tasks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from shallowsight.report.values import Sample, Trial

Key = tuple[str, str]  # a benchmark (or nothing, for a part of several), and the name of the part
KeysOf = Callable[[Sample], Sequence[Key]]  # the parts that a question belongs to


@dataclass(frozen=True)
class PartScore:
    """One setting in a part of the questions."""

    seeds: int
    questions: int  # of one seed
    mean: float  # accuracy, over seeds; undecided answers count as wrong
    sd: float | None  # between seeds; None with one seed
    undecided: int  # questions of all seeds
    highest: float  # the mean if all undecided answers were right


def part_scores(trials: Sequence[Trial], keys_of: KeysOf) -> dict[Key, PartScore]:
    """The parts in which anything was asked."""
    asked: dict[Key, list[list[Sample]]] = {}
    for trial in trials:
        own: dict[Key, list[Sample]] = {}
        for sample in trial.samples:
            for key in keys_of(sample):
                own.setdefault(key, []).append(sample)
        for key, rows in own.items():
            asked.setdefault(key, []).append(rows)
    return {key: _score(seeds) for key, seeds in asked.items()}


def _score(seeds: Sequence[Sequence[Sample]]) -> PartScore:
    means = [fmean(s.correct for s in rows) for rows in seeds]
    undecided = [sum(s.undecided for s in rows) for rows in seeds]
    return PartScore(
        seeds=len(seeds),
        questions=max(map(len, seeds)),
        mean=fmean(means),
        sd=stdev(means) if len(means) > 1 else None,
        undecided=sum(undecided),
        highest=fmean(mean + u / len(rows) for mean, u, rows in zip(means, undecided, seeds, strict=True)),
    )
