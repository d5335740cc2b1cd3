"""The score sheet of one category: what every picture gives to the mean score of every model.

Shapes: S seeds, Q questions, G pictures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, sqrt

import numpy as np

from shallowsight.errors import ConfigurationError
from shallowsight.evaluate.statistics.answers import Answers, Floats, picture_variance


@dataclass(frozen=True, eq=False)
class Sheet:
    """All settings of one category on the same questions."""

    settings: tuple[str, ...]
    seeds: tuple[tuple[int, ...], ...]  # of each setting
    parts: tuple[
        Floats, ...
    ]  # of each setting [S, G]: what a picture gives to a seed's mean score; a row adds up to it
    shares_G: Floats  # a picture's part of the questions; adds up to 1  # noqa: N815
    images: tuple[str, ...]
    questions: int

    @classmethod
    def of(cls, answers: Mapping[str, Answers]) -> "Sheet":
        """The questions that all these settings answered.

        Raises:
            ConfigurationError: there is no such question.
        """
        common = sorted(
            set(next(iter(answers.values())).questions).intersection(*(a.questions for a in answers.values()))
        )
        if not common:
            raise ConfigurationError("the settings share no question; they were evaluated on different benchmarks")
        first = next(iter(answers.values()))
        where = dict(zip(first.questions, first.images, strict=True))
        images, image_of_Q = np.unique(np.array([where[q] for q in common]), return_inverse=True)
        parts = []
        for found in answers.values():
            at = {q: i for i, q in enumerate(found.questions)}
            scores_SQ = found.scores_SQ[:, [at[q] for q in common]] / len(common)
            parts.append(np.stack([np.bincount(image_of_Q, weights=row).astype(np.float64) for row in scores_SQ]))
        return cls(
            settings=tuple(answers),
            seeds=tuple(a.seeds for a in answers.values()),
            parts=tuple(parts),
            shares_G=np.bincount(image_of_Q) / len(common),
            images=tuple(map(str, images)),
            questions=len(common),
        )

    @cached_property
    def means(self) -> tuple[Floats, ...]:
        """Of each setting [G]: the parts, averaged over its seeds."""
        return tuple(parts.mean(axis=0) for parts in self.parts)

    def mean(self, setting: str) -> float:
        """A setting's score, averaged over its seeds."""
        return float(self.means[self.settings.index(setting)].sum())

    def picture_error(self, setting: str) -> float:
        """The standard error of a setting's mean score for other pictures (infinite with fewer than two)."""
        several = len(self.images) > 1
        return sqrt(picture_variance(self.means[self.settings.index(setting)], self.shares_G)) if several else inf

    @cached_property
    def seed_variances(self) -> tuple[float, ...]:
        """Of each setting: the variance of one seed's mean score between seeds; not a number with one seed."""
        scores = [parts.sum(axis=1) for parts in self.parts]
        return tuple(float(s.var(ddof=1)) if len(s) > 1 else float("nan") for s in scores)

    @cached_property
    def flips(self) -> tuple[float, ...]:
        """Of each setting: the part of a seed's variance that comes from random changes of single pictures."""
        found = []
        for parts, mean_G in zip(self.parts, self.means, strict=True):
            several = len(parts) > 1 and len(self.images) > 1
            found.append(picture_variance(parts - mean_G, self.shares_G) / (len(parts) - 1) if several else 0.0)
        return tuple(found)


def overall(sheets: Sequence[Sheet]) -> Sheet | None:
    """One sheet over all categories, each with the same weight: the settings and seeds that all of them have.

    None with fewer than two categories or no such setting.
    """
    known = [dict(zip(s.settings, zip(s.seeds, s.parts, strict=True), strict=True)) for s in sheets]
    if len(sheets) < 2:
        return None
    images = sorted(set[str]().union(*(s.images for s in sheets)))
    place = {image: i for i, image in enumerate(images)}
    columns = [[place[image] for image in s.images] for s in sheets]
    settings, seeds, parts = [], [], []
    for setting in sheets[0].settings:
        own = [k[setting] for k in known if setting in k]
        common = sorted(set[int]().union(*(s for s, _ in own)).intersection(*(s for s, _ in own)))
        if len(own) < len(sheets) or not common:
            continue
        joined = np.zeros((len(common), len(images)))
        for (own_seeds, own_parts), at in zip(own, columns, strict=True):
            joined[:, at] += own_parts[[own_seeds.index(seed) for seed in common]] / len(sheets)
        settings.append(setting)
        seeds.append(tuple(common))
        parts.append(joined)
    shares_G = np.zeros(len(images))
    for sheet, at in zip(sheets, columns, strict=True):
        shares_G[at] += sheet.shares_G / len(sheets)
    if not settings:
        return None
    count = sum(s.questions for s in sheets)
    return Sheet(tuple(settings), tuple(seeds), tuple(parts), shares_G, tuple(images), count)
