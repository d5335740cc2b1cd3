"""The numbers of public benchmarks as lmms-eval defines them, and ours where these are faulty or too narrow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from shallowsight.report.findings import Findings
from shallowsight.report.part_scores import PartScore, part_scores
from shallowsight.study.public_benchmarks import find_public

Number = tuple[float, float | None]  # mean over seeds, standard deviation between seeds


@dataclass(frozen=True, kw_only=True)
class PublicRow:
    """One setting on one public benchmark."""

    setting: str
    score: PartScore  # by our rule, as everywhere in the report
    official: Mapping[str, Number]  # lmms-eval's own; empty where questions were refused, or only a judge can score
    ours: Mapping[str, Number]
    refused: int  # questions of one seed that cannot be asked


@dataclass(frozen=True, kw_only=True)
class PublicTable:
    """One public benchmark."""

    name: str
    largest: Mapping[str, float]  # of lmms-eval's metrics, as far as known
    some_of: int | None  # rows of the set, where only some were asked
    rows: tuple[PublicRow, ...]

    @property
    def official(self) -> tuple[str, ...]:
        """The names of lmms-eval's metrics."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.official))

    @property
    def ours(self) -> tuple[str, ...]:
        """The names of our metrics beside the accuracy."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.ours))


def public_tables(findings: Findings) -> tuple[PublicTable, ...]:
    """A table for each public benchmark that was asked."""
    found: dict[str, list[PublicRow]] = {}
    some_of: dict[str, int | None] = {}
    for setting, trials in findings.trials.items():
        scores = part_scores(trials, lambda sample: [(sample.benchmark, "")])
        for name in dict.fromkeys(str(b["name"]) for t in trials for b in t.benchmarks if "official" in b):
            said = [b for t in trials for b in t.benchmarks if b["name"] == name]
            some_of[name] = said[0].get("some_of")
            if (score := scores.get((name, ""))) is not None:
                found.setdefault(name, []).append(_row(setting, score, said))
    return tuple(
        PublicTable(name=name, largest=_largest(name), some_of=some_of[name], rows=tuple(rows))
        for name, rows in found.items()
    )


def _row(setting: str, score: PartScore, said: Sequence[Mapping[str, Any]]) -> PublicRow:
    return PublicRow(
        setting=setting,
        score=score,
        official=_numbers([b["official"] for b in said]),
        ours=_numbers([b.get("ours") or {} for b in said]),
        refused=max(len(b.get("refused") or ()) for b in said),
    )


def _numbers(seeds: Sequence[Mapping[str, float | None]]) -> dict[str, Number]:
    """The numbers that every seed has."""
    names = dict.fromkeys(name for seed in seeds for name in seed)
    by_name = {name: [seed.get(name) for seed in seeds] for name in names}
    known = {name: [v for v in values if v is not None] for name, values in by_name.items()}
    return {
        name: (fmean(values), stdev(values) if len(values) > 1 else None)
        for name, values in known.items()
        if len(values) == len(seeds)
    }


def _largest(name: str) -> Mapping[str, float]:
    public = find_public(name)
    return public.official if public else {}
