"""The smallest gap that a study is likely to claim, before anything is trained.

The shipped test on a study whose settings all have the same noise: one planned contrast, at the first step of Holm's
correction, with the degrees of freedom that such settings lend each other. Assumed: accuracies near 70 %, at which two
settings give different answers (one right, one wrong) to a third of the questions although they are equally good, and
two seeds of one setting to somewhat fewer; every question is about a picture of its own; categories are independent.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import ceil, sqrt

from shallowsight.evaluate.statistics.contrast import critical
from shallowsight.evaluate.statistics.noise import LEAST_DOF, MOST_BORROWED, prior_dof, spread_error

DIFFER = 0.34  # share of questions that two equally good settings answer differently
SEEDS_DIFFER = 0.29  # share of questions that two seeds of one setting answer differently
CLAIMED = 0.8  # of such studies claim the gap
_STEPS = 6  # quantiles of a variance between seeds; more change the gap by less than 1 % of itself


@dataclass(frozen=True, kw_only=True)
class Design:
    """What a study will have; `seeds` is the number for each setting, `questions` that of one category."""

    usual: bool  # whether one of the settings is the usual choice
    singles: int  # settings of one layer, and controls
    fusions: int
    categories: int
    seeds: int
    questions: float
    level: float  # of the whole family

    @property
    def settings(self) -> int:
        return self.singles + self.fusions

    @property
    def planned(self) -> int:
        """Planned contrasts: each setting against the usual choice, each fusion against the best layer.

        Where the usual choice is the only layer, the latter are the former.
        """
        sheets = self.categories + (self.categories > 1)
        return sheets * (self.usual * (self.settings - 1) + (self.fusions if self.singles > self.usual else 0))

    @property
    def least_seeds(self) -> int:
        """With fewer seeds of each setting nothing can be claimed."""
        return 1 + max(1, ceil(LEAST_DOF / (self.settings * self.categories)))

    @cached_property
    def dofs(self) -> tuple[float, ...]:
        """Quantiles of the degrees of freedom that a setting's noise is known with: its own, and what others lend it.

        Even equal settings seem to disagree in some studies, by accident; they then lend nothing.
        """
        from scipy.special import polygamma
        from scipy.stats import norm

        own, sheets = self.seeds - 1, self.categories + (self.categories > 1)
        expected = float(polygamma(1, own / 2))
        kurtosis = float(polygamma(3, own / 2)) / expected**2
        if self.settings == 1:
            return (own,)
        error = spread_error(sheets * (self.settings - 1), sheets * self.settings, kurtosis)
        found = []
        for i in range(_STEPS):
            spread = max(0.0, expected * (1 + error * float(norm.ppf((i + 0.5) / _STEPS))))
            borrowed = min(prior_dof(spread, expected, error), MOST_BORROWED * own)
            found.append(min(own + borrowed, own * self.settings))
        return tuple(found)

    def gap(self, sd: float, together: int = 1) -> float | None:
        """The gap that is claimed with the probability CLAIMED; None when no gap below 1 is.

        `sd` is the standard deviation between trainings of a setting's true score; `together` is 1 for a gap in one
        category, and the number of categories for an equal gap in each, seen over all of them.
        """
        if self.seeds < self.least_seeds or self.planned == 0:
            return None
        return _Contrast(self, sd, together).gap


@dataclass(frozen=True)
class _Contrast:
    """The planned contrast of two settings with equal noise."""

    design: Design
    sd: float
    together: int

    @property
    def pictures(self) -> float:
        return (DIFFER - SEEDS_DIFFER) / self.design.questions / self.together

    @property
    def seed_variance(self) -> float:
        """Of one seed's score: another training, and answers that change at random."""
        return (self.sd**2 + SEEDS_DIFFER / 2 / self.design.questions) / self.together

    @cached_property
    def limits(self) -> list[tuple[float, float]]:
        """The gaps from which a study claims something, with their probabilities."""
        from scipy.stats import chi2

        own = self.design.seeds - 1
        alpha = self.design.level / self.design.planned
        # A setting whose seeds vary by accident more than those of the others keeps its own variance.
        factors = [max(1.0, chi2.ppf((i + 0.5) / _STEPS, own) / own) for i in range(_STEPS)]
        found = []
        kinds = Counter((*sorted(pair), dof) for *pair, dof in product(factors, factors, self.design.dofs))
        for (a, b, dof), times in kinds.items():
            training = self.seed_variance * (a + b) / self.design.seeds
            found.append((critical(alpha, self.pictures, training, dof), times / sum(kinds.values())))
        return found

    @property
    def gap(self) -> float | None:
        from scipy.optimize import brentq
        from scipy.special import ndtr

        error = sqrt(self.pictures + 2 * self.seed_variance / self.design.seeds)

        def short(gap: float) -> float:
            return CLAIMED - sum(weight * float(ndtr((gap - limit) / error)) for limit, weight in self.limits)

        return None if short(1.0) > 0 else float(brentq(short, 0.0, 1.0, xtol=1e-4))
