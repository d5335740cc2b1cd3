"""When an evaluation may end early because its setting is clearly losing against another one.

Both settings are asked the same questions, picture by picture in an order drawn at random. After each of a few looks
the mean difference over the questions so far is tested, one-sided: is this setting worse by more than `MARGIN`? Another
training of a setting answers other questions right, and a difference as small as that between two trainings is no
reason to stop. The error is spent over the looks as Lan and DeMets (1983) have it, with O'Brien and Fleming's shape:
next to nothing early, nearly all at the end. Each look is tested at what it adds, so that all looks together stop a
model that loses no more than the margin with a probability of at most `alpha`, however they depend on each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.stats import t as student

ALPHA = 0.01  # of stopping a model that loses no more than the margin
MARGIN = 0.05  # of a score from 0 to 1; the noise of one training in the paper's curves (benchmarks/halving.py)
LEAST_PICTURES = 20  # with fewer the test is not trusted

Vector = np.ndarray[tuple[int], np.dtype[np.float64]]

_normal = NormalDist()


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is known of one category after some of its pictures."""

    pictures: int
    questions: int
    gap: float  # the mean score of this setting less that of the other one
    p: float | None  # that it loses no more than the margin; None: not tested
    limit: float  # for p, of this look

    @property
    def clearly_loses(self) -> bool:
        return self.p is not None and self.p <= self.limit


def spent(share: float, alpha: float = ALPHA) -> float:
    """The error that looks may have spent when this share of the pictures, from 0 to 1, was seen."""
    if share <= 0:
        return 0.0
    return 2 - 2 * _normal.cdf(_normal.inv_cdf(1 - alpha / 2) / min(1.0, share) ** 0.5)


def look_at(gaps: Sequence[float], questions: Sequence[int], pictures: int, before: int) -> Look:
    """Test the pictures so far.

    Args:
        gaps: for each picture the sum over its questions of this setting's score less the other one's.
        questions: of each picture.
        pictures: that have questions in all.
        before: pictures seen at the look before; 0 at the first one.

    Raises:
        ValueError: the look is not after the one before, or beyond the last picture.
    """
    seen = len(gaps)
    if not before < seen <= pictures:
        raise ValueError(f"a look at {seen} of {pictures} pictures after one at {before}")
    found, count = np.asarray(gaps, dtype=np.float64), np.asarray(questions, dtype=np.float64)
    limit = spent(seen / pictures) - (spent(before / pictures) if before >= LEAST_PICTURES else 0.0)
    return Look(
        pictures=seen,
        questions=int(count.sum()),
        gap=float(found.sum() / count.sum()),
        p=_p(found, count) if seen >= LEAST_PICTURES else None,
        limit=limit,
    )


def _p(gaps: Vector, questions: Vector) -> float:
    """One-sided, for a mean gap below the margin."""
    seen, shortfalls, means = len(gaps), gaps + MARGIN * questions, gaps / questions
    if np.ptp(means) == 0:
        # No t without a variance. Of gaps between -1 and 1 with a mean of no less than -MARGIN, so large a share at
        # most is as low as this one.
        return float((1 + MARGIN) / max(1 - means[0], 1 + MARGIN)) ** seen
    error = float(shortfalls.std(ddof=1)) / seen**0.5
    return float(student.cdf(float(shortfalls.mean()) / error, seen - 1)) if error else 1.0
