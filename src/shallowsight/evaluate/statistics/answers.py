"""The scores of one setting's answers, and an estimate of their mean.

Shapes: S seeds, Q questions, G pictures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shallowsight.errors import ConfigurationError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean with its standard error over pictures (infinite with fewer than two pictures)."""

    value: float
    standard_error: float
    n: int
    images: int


@dataclass(frozen=True, eq=False)
class Answers:
    """One setting's answers to one category: the questions that every seed answered, in sorted order."""

    seeds: tuple[int, ...]
    questions: tuple[str, ...]
    images: tuple[str, ...]  # of each question
    scores_SQ: Floats  # from 0, wrong, to 1, right  # noqa: N815

    @classmethod
    def collect(cls, seeds: Mapping[int, Mapping[str, tuple[str, float]]]) -> "Answers":
        """From one table per seed: question -> (image, score).

        Raises:
            ConfigurationError: there is no seed or no common question, or a score is not between 0 and 1.
        """
        tables = list(seeds.values())
        common = sorted(set[str]().union(*tables).intersection(*tables)) if tables else []
        if not common:
            raise ConfigurationError(f"{len(tables)} seeds have no question in common; nothing can be compared")
        scores_SQ = np.array([[table[q][1] for q in common] for table in tables], dtype=np.float64)
        if not ((scores_SQ >= 0) & (scores_SQ <= 1)).all():
            raise ConfigurationError("a score of an answer is between 0 and 1; found other values of `correct`")
        return cls(tuple(seeds), tuple(common), tuple(tables[0][q][0] for q in common), scores_SQ)


def accuracy(scores: ArrayLike, images: Sequence[str]) -> Estimate:
    """Mean score with the standard error clustered by picture (= scipy.stats.sem with one question each)."""
    scores_Q = np.asarray(scores, dtype=np.float64)
    _, image_of_Q = np.unique(np.asarray(images), return_inverse=True)
    shares_G = np.bincount(image_of_Q) / len(scores_Q)
    parts_G = np.bincount(image_of_Q, weights=scores_Q) / len(scores_Q)
    count = len(shares_G)
    error = sqrt(picture_variance(parts_G, shares_G)) if count > 1 else inf
    return Estimate(value=float(scores_Q.mean()), standard_error=error, n=len(scores_Q), images=count)


def picture_variance(parts: Floats, shares_G: Floats) -> float:
    """Variance of a mean if other pictures were drawn; `parts` [..., G] add up to the mean over the last axis.

    Questions about one picture are not independent, so whole pictures are the units (a linearised ratio, with the
    correction G / (G - 1)). Over leading axes the variances are added up.
    """
    count = len(shares_G)
    residual = parts - parts.sum(axis=-1, keepdims=True) * shares_G
    return float((residual**2).sum()) * count / (count - 1)
