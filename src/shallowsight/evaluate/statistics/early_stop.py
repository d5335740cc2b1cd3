"""When an evaluation may end early because its setting is clearly losing against another one. Nothing calls it yet.

Both settings are asked the same questions, picture by picture in an order drawn at random. After each of a few looks
the mean difference over the pictures so far is tested, one-sided: is this setting worse? The error is spent over the
looks as Lan and DeMets (1983) have it, with O'Brien and Fleming's shape: next to nothing early, nearly all at the end.
Each look is tested at what it adds, so that all looks together stop a setting that is as good with a probability of at
most `alpha`, however they depend on each other. It is about questions only: other trainings of the setting may score
more.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from scipy.stats import t as student

ALPHA = 0.01  # of stopping a setting that is as good
LEAST_PICTURES = 20  # with fewer the test is not trusted

_normal = NormalDist()


def spent(share: float, alpha: float = ALPHA) -> float:
    """The error that looks may have spent when this share of the pictures, from 0 to 1, was seen."""
    if share <= 0:
        return 0.0
    return 2 - 2 * _normal.cdf(_normal.inv_cdf(1 - alpha / 2) / min(1.0, share) ** 0.5)


def clearly_loses(gaps: Sequence[float], pictures: int, before: int, alpha: float = ALPHA) -> bool:
    """Whether the evaluation may end at this look.

    Args:
        gaps: for each picture so far, the mean score of this setting less that of the other one.
        pictures: of the whole benchmark.
        before: pictures seen at the look before; 0 at the first one.

    Raises:
        ValueError: the look is not after the one before, or beyond the last picture.
    """
    seen = len(gaps)
    if not before < seen <= pictures:
        raise ValueError(f"a look at {seen} of {pictures} pictures after one at {before}")
    if seen < LEAST_PICTURES:
        return False
    found = np.asarray(gaps, dtype=np.float64)
    error = float(found.std(ddof=1)) / seen**0.5
    if error == 0.0:  # all pictures differ by the same: no test, so nothing is stopped
        return False
    p = float(student.cdf(float(found.mean()) / error, seen - 1))
    return p <= spent(seen / pictures, alpha) - (spent(before / pictures, alpha) if before >= LEAST_PICTURES else 0.0)
