"""The difference of two settings: its p-value and its interval, for other pictures and other trainings.

The gap is the sum of a part for other pictures and of one for other trainings. Both are Student's t, since their
variances are estimated: the first with the effective number of pictures less one (normal where there are many), the
second with the degrees of freedom of the variance between seeds: the smaller of the two settings', which errs on the
careful side (Mickey and Brown 1966, doi 10.1214/aoms/1177699517). Answers that change at random between seeds are in
both parts, so they are taken out of the first (inclusion and exclusion of two crossed sources: Cameron, Gelbach and
Miller 2011, doi 10.1198/jbes.2010.07136).
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import inf, log, sqrt

import numpy as np

from shallowsight.evaluate.statistics.answers import Floats, picture_variance
from shallowsight.evaluate.statistics.noise import Noise
from shallowsight.evaluate.statistics.sheet import Sheet

COVERAGE = 0.95
FEWEST_PICTURES = 20  # effective; with fewer a few pictures decide, whatever the test
_MANY_PICTURES = 200  # from which their part is taken as normal
_NODES = 60  # of the integral over a chi-squared: for p above 1e-6 its error is below 1e-4 of p
_LARGE = 1000.0  # degrees of freedom from which t is normal
_CERTAIN = 1e-14  # a variance below this is rounding


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Setting a against setting b on the same questions: gap = a - b, not corrected for the number of contrasts."""

    gap: float
    picture_variance: float
    training_variance: float | None  # None: the noise of one of them is not known
    dof: float
    n: int
    images: int
    pictures: float  # the effective number: that of equally many questions each with the same spread

    @property
    def enough_pictures(self) -> bool:
        """Whether there are enough pictures for a p-value."""
        return self.pictures >= FEWEST_PICTURES

    @cached_property
    def p(self) -> float | None:
        """Two-sided, under the hypothesis that both settings are equal on average over trainings and pictures.

        None with too few pictures or where the training noise is not known.
        """
        return self.tail(abs(self.gap))

    def tail(self, gap: float) -> float | None:
        """The probability of a gap at least as large, if there is none."""
        if self.training_variance is None or not self.enough_pictures:
            return None
        return tail(gap, self.picture_variance, self.training_variance, self.dof, self.pictures - 1)

    def critical(self, alpha: float) -> float | None:
        """The gap whose `tail` is alpha."""
        if self.training_variance is None or not self.enough_pictures:
            return None
        return critical(alpha, self.picture_variance, self.training_variance, self.dof, self.pictures - 1)

    def flipped(self) -> "Contrast":
        """b against a."""
        return replace(self, gap=-self.gap)

    @cached_property
    def half_width(self) -> float | None:
        """Half of the interval that covers the true gap of this one pair in 95 % of studies."""
        return self.critical(1 - COVERAGE)


def contrast(sheet: Sheet, noise: dict[str, Noise], a: str, b: str) -> Contrast:
    """Compare two settings of a sheet."""
    at_a, at_b = sheet.settings.index(a), sheet.settings.index(b)
    difference_G = sheet.means[at_a] - sheet.means[at_b]
    seeds_a, seeds_b = len(sheet.seeds[at_a]), len(sheet.seeds[at_b])
    several = len(sheet.images) > 1
    total = picture_variance(difference_G, sheet.shares_G) if several else 0.0
    twice = sheet.flips[at_a] / seeds_a + sheet.flips[at_b] / seeds_b
    known = a in noise and b in noise
    return Contrast(
        gap=float(difference_G.sum()),
        picture_variance=max(total - twice, 0.0) if known else total,
        training_variance=noise[a].variance / seeds_a + noise[b].variance / seeds_b if known else None,
        dof=min(noise[a].dof, noise[b].dof) if known else 0.0,
        n=sheet.questions,
        images=len(sheet.images),
        pictures=1 / float((sheet.shares_G**2).sum()),
    )


def tail(gap: float, pictures: float, training: float, dof: float, picture_dof: float = inf) -> float:
    """P(|sqrt(pictures) t_picture_dof + sqrt(training) t_dof| >= gap), by integration over the chi-squareds."""
    from scipy.special import ndtr

    factors, weights = _chi_squared(dof)
    if picture_dof < _MANY_PICTURES:
        of_pictures, picture_weights = _chi_squared(picture_dof)
        variance = pictures * of_pictures[:, None] + training * factors
        weights = picture_weights[:, None] * weights
    else:
        variance = pictures + training * factors
    scale = np.sqrt(np.maximum(variance, _CERTAIN))
    return float(min(1.0, 2 * (ndtr(-gap / scale) * weights).sum()))


def critical(alpha: float, pictures: float, training: float, dof: float, picture_dof: float = inf) -> float:
    """The gap whose `tail` is alpha."""
    from scipy.optimize import brentq

    high = sqrt(pictures + training + _CERTAIN)
    while tail(high, pictures, training, dof, picture_dof) > alpha:
        high *= 2
    found = brentq(lambda gap: tail(gap, pictures, training, dof, picture_dof) - alpha, 0.0, high, xtol=1e-9)
    return float(found)


@lru_cache(maxsize=1024)
def _chi_squared(dof: float) -> tuple[Floats, Floats]:
    """Values of dof / chi-squared with their probabilities: the trapezoidal rule over the logarithm of chi-squared."""
    from scipy.stats import chi2

    if dof > _LARGE:
        return np.ones(1), np.ones(1)
    logs = np.linspace(log(chi2.ppf(1e-10, dof)), log(chi2.ppf(1 - 1e-10, dof)), _NODES)
    values = np.exp(logs)
    weights = values * chi2.pdf(values, dof)
    return dof / values, weights / weights.sum()
