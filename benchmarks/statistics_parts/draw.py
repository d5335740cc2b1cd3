"""Draw the answers of a made-up study whose truth is known.

A question is answered right when a normal number falls below a threshold. The number has a part that all settings share
(some pictures and questions are hard), parts that a setting has of its own for each picture and for each question (it
is good or bad at them in every seed), and one that is new for every seed. The threshold is the true score of that
training, so a training's expected score is exactly the one that was drawn for it.

Shapes: C categories, K settings, S seeds, Q questions, G pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.stats import norm

from shallowsight.evaluate.statistics.sheet import Sheet

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shares:
    """Parts of the variance of a question's number; the rest is new for every seed."""

    picture: float = 0.0
    question: float = 0.3
    setting: float = 0.2  # of a setting and question
    setting_picture: float = 0.0  # of a setting and picture: what makes questions about one picture dependent


def sheets(scores: list[Floats], sizes: Sequence[int], shares: Shares, rng: Generator) -> dict[str, Sheet]:
    """One sheet per category.

    `scores[k]` [C, S] are the true scores of setting k; `sizes` are the numbers of questions about each picture.
    """
    picture_of_Q = np.repeat(np.arange(len(sizes)), sizes)
    return {
        f"category {category}": _sheet([true_CS[category] for true_CS in scores], picture_of_Q, shares, rng)
        for category in range(len(scores[0]))
    }


def _sheet(scores: list[Floats], picture_of_Q: NDArray[np.int64], shares: Shares, rng: Generator) -> Sheet:
    pictures, questions = int(picture_of_Q[-1]) + 1, len(picture_of_Q)

    def number(share: float, *shape: int) -> NDArray[np.float32]:
        return np.float32(np.sqrt(share)) * rng.standard_normal(shape, dtype=np.float32)

    common_Q = number(shares.question, questions) + number(shares.picture, pictures)[picture_of_Q]
    rest = 1 - shares.picture - shares.question - shares.setting - shares.setting_picture
    indicator_QG = np.eye(pictures, dtype=np.float64)[picture_of_Q] / questions
    parts = []
    for true_S in scores:
        own_Q = common_Q + number(shares.setting, questions) + number(shares.setting_picture, pictures)[picture_of_Q]
        number_SQ = own_Q + number(rest, len(true_S), questions)
        threshold_S = norm.ppf(np.clip(true_S, 1e-9, 1 - 1e-9))
        parts.append((number_SQ < threshold_S[:, None]) @ indicator_QG)
    return Sheet(
        settings=tuple(f"s{k}" for k in range(len(scores))),
        seeds=tuple(tuple(range(len(true_S))) for true_S in scores),
        parts=tuple(parts),
        shares_G=indicator_QG.sum(axis=0),
        images=tuple(f"p{g}" for g in range(pictures)),
        questions=questions,
    )


def beta(mean: float, sd: float, shape: tuple[int, ...], rng: Generator) -> Floats:
    """Scores between 0 and 1 with exactly this mean, also near 0 and 1."""
    if sd == 0:
        return np.full(shape, mean)
    total = mean * (1 - mean) / sd**2 - 1
    if total <= 0:
        raise ValueError(f"no scores between 0 and 1 have the mean {mean} and the standard deviation {sd}")
    return rng.beta(mean * total, (1 - mean) * total, shape)


def heavy(mean: float, sd: float, shape: tuple[int, ...], rng: Generator) -> Floats:
    """Student's t with three degrees of freedom, cut at 0 and 1 alike on both sides so that the mean stays."""
    room = min(mean, 1 - mean)
    return np.clip(mean + sd * rng.standard_t(3, shape) / np.sqrt(3), mean - room, mean + room)


def either(mean: float, sd: float, shape: tuple[int, ...], rng: Generator, learns: float) -> Floats:
    """Two values: a training learns with the probability `learns`, or does not."""
    high = mean + sd * np.sqrt((1 - learns) / learns)
    low = mean - sd * np.sqrt(learns / (1 - learns))
    if not (low >= 0 and high <= 1):
        raise ValueError(f"{low:.2f} and {high:.2f} are not both between 0 and 1")
    return np.where(rng.random(shape) < learns, high, low)
