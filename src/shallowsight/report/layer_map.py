"""The map of categories over layers: how good each single layer is, between the worst and the best one.

As in the paper's Figure 2: each benchmark is scaled so that its worst layer is 0 and its best 1, and a category is the
mean over its benchmarks. The scaling makes accidents look like differences, so that each row says whether its layers
differ by more than training noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from typing import TypeVar

from shallowsight.report.findings import Findings
from shallowsight.report.part_scores import Key, PartScore, part_scores
from shallowsight.report.scores import Category
from shallowsight.report.values import Study

K = TypeVar("K")
FEWEST = 4  # single layers; fewer make no map
Means = Mapping[str, Mapping[Key, PartScore]]  # of each setting, by benchmark


class Spread(StrEnum):
    """Whether the layers of a row differ by more than training noise."""

    BEYOND = "beyond training noise"
    WITHIN = "within training noise"
    UNKNOWN = "training noise unknown"


@dataclass(frozen=True, kw_only=True)
class MapRow:
    """One category."""

    category: str
    values: Mapping[int, float]  # layer -> from 0 to 1; without layers that lack one of the category's benchmarks
    range: float  # the accuracy of the best of these layers less that of the worst
    noise: float | None  # the range that equally good layers stay below in 95 % of all studies; None: unknown

    @property
    def spread(self) -> Spread:
        if self.noise is None:
            return Spread.UNKNOWN
        return Spread.WITHIN if self.range < self.noise else Spread.BEYOND


@dataclass(frozen=True, kw_only=True)
class LayerMap:
    """All categories over the single layers of a study."""

    layers: tuple[int, ...]  # also those without results
    rows: tuple[MapRow, ...]


def layer_map(study: Study, findings: Findings) -> LayerMap | None:
    """The map; None with fewer than FEWEST single layers that have results."""
    singles = {m.setting: m.layers[0] for m in study.members if m.single}
    scored = [s for s in singles if any(s in c.scores for c in findings.categories)]
    if len(scored) < FEWEST:
        return None
    means = {s: part_scores(findings.trials[s], lambda sample: [(sample.benchmark, "")]) for s in scored}
    return LayerMap(
        layers=tuple(sorted(singles.values())),
        rows=tuple(_row(c, singles, means) for c in findings.categories),
    )


def brought_to_one(values: Mapping[K, float]) -> dict[K, float]:
    """From 0, the lowest, to 1, the highest; empty where all are equal, which has no scale."""
    low, high = min(values.values(), default=0.0), max(values.values(), default=0.0)
    return {key: (value - low) / (high - low) for key, value in values.items()} if high > low else {}


def _row(category: Category, singles: Mapping[str, int], means: Means) -> MapRow:
    settings = [s for s in singles if s in category.scores]
    known = [found for name in category.benchmarks if (found := _scaled(name, settings, means))]
    whole = [s for s in settings if known and all(s in found for found in known)]
    accuracies = [category.scores[s].accuracy for s in whole] or [0.0]
    return MapRow(
        category=category.name,
        values={singles[s]: fmean(found[s] for found in known) for s in whole},
        range=max(accuracies) - min(accuracies),
        noise=category.range_of_equals(whole),
    )


def _scaled(benchmark: str, settings: Sequence[str], means: Means) -> dict[str, float]:
    return brought_to_one({s: means[s][benchmark, ""].mean for s in settings if (benchmark, "") in means[s]})
