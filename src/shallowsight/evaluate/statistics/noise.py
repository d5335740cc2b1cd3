"""How much a score changes from training to training, for each setting of each category.

Settings differ in this by orders of magnitude, and a study has two to five seeds of each, so that a setting's own
variance says little and the mean over settings is wrong for many. Each setting gets the largest of

- the moderated variance: its own one drawn towards the typical one of its category, by as much as the study's own
  variances agree with each other (empirical Bayes; Smyth 2004, doi 10.2202/1544-6115.1027), on the careful side: the
  spread of the variances is taken one standard error larger, and where it is wide nothing is drawn at all;
- its own variance;
- the mean variance of its category (of all categories where a category has few seeds; without the noisiest setting
  where it has many): trainings that either learn a kind of question or do not may agree by accident in one setting,
  hardly in all;
- the variance that answers which change at random cause: its own, and the mean of its category.

Chosen by simulation: docs/statistics.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from typing import Protocol

import numpy as np

from shallowsight.evaluate.statistics.answers import Floats

LEAST_POOL = 12  # degrees of freedom that the mean variance of a category needs; with fewer it may be small by accident
MANY = 16  # degrees of freedom with which the mean variance may leave out the noisiest setting
LEAST_DOF = 5  # of all seeds of a study together; with fewer nothing is claimed
LEAST_PRIOR = 3.0  # a prior of fewer degrees of freedom means that the variances disagree: it is not used
MOST_BORROWED = 2  # times a setting's own degrees of freedom: a setting that is unlike all others may hide it
_TINY = 1e-12


class Varying(Protocol):
    """Settings of one category with their seeds: a sheet, or the sheets of two studies taken together."""

    @property
    def settings(self) -> tuple[str, ...]: ...
    @property
    def parts(self) -> tuple[Floats, ...]: ...  # of each setting; only the number of rows, its seeds, is used
    @property
    def seed_variances(self) -> tuple[float, ...]: ...
    @property
    def flips(self) -> tuple[float, ...]: ...


@dataclass(frozen=True)
class Noise:
    """The variance of one seed's score between trainings, and the degrees of freedom of this estimate."""

    variance: float
    dof: float


@dataclass(frozen=True)
class _Prior:
    typical: tuple[float, ...]  # the typical variance of each category
    dof: float


def seed_noise(sheets: Sequence[Varying], whole: Varying | None) -> list[dict[str, Noise]]:
    """For each sheet, and at the end for `whole` (the sheet over all of them) if it is given: setting -> noise.

    A setting with one seed has none. With fewer than LEAST_DOF degrees of freedom in all, nothing has.
    """
    if sum(_dof(parts) for s in sheets for parts in s.parts) < LEAST_DOF:
        return [{} for _ in (*sheets, *([whole] if whole else []))]
    every = [*sheets, *([whole] if whole else [])]
    prior = _prior(every)
    pooled = [_pooled(s) for s in sheets]
    known = [p for p in pooled if p is not None]
    study = sum(known) / len(known)
    found = [_noise(s, typical, prior.dof, study) for s, typical in zip(sheets, prior.typical, strict=False)]
    if whole:
        # If categories vary independently, the variance of their mean is this; if not, its own variances are larger.
        found.append(_noise(whole, prior.typical[-1], prior.dof, study / len(sheets)))
    return found


def _noise(sheet: Varying, typical: float, prior_dof: float, study: float) -> dict[str, Noise]:
    own = {s: v for s, v, p in zip(sheet.settings, sheet.seed_variances, sheet.parts, strict=True) if _dof(p)}
    dofs = {s: _dof(p) for s, p in zip(sheet.settings, sheet.parts, strict=True)}
    total = sum(dofs.values())
    pooled = _pooled(sheet)
    if pooled is None:
        return {}
    floor = max(pooled if total >= LEAST_POOL else max(pooled, study), _flips(sheet), _TINY)
    found = {}
    for setting, variance in own.items():
        dof = dofs[setting]
        borrowed = min(prior_dof, MOST_BORROWED * dof)
        drawn = (borrowed * typical + dof * variance) / (borrowed + dof)
        flips = sheet.flips[sheet.settings.index(setting)]
        found[setting] = Noise(max(drawn, variance, flips, floor), min(borrowed + dof, total))
    return found


def _prior(sheets: Sequence[Varying]) -> _Prior:
    from scipy.special import digamma, polygamma

    spread, count, sizes, expected, tails = 0.0, 0, 0, 0.0, 0.0
    centres = []
    for sheet in sheets:
        dofs = np.array([_dof(p) for p in sheet.parts])
        half = dofs[dofs > 0] / 2
        least = max(1e-3 * _flips(sheet), _TINY)
        logs = np.log(np.maximum(np.array(sheet.seed_variances)[dofs > 0], least)) - digamma(half) + np.log(half)
        centres.append(float(logs.mean()) if len(logs) else log(_TINY))
        if len(logs) > 1:
            spread += float(((logs - logs.mean()) ** 2).sum())
            count, sizes = count + len(logs) - 1, sizes + len(logs)
            expected += float(polygamma(1, half).sum())
            tails += float((polygamma(3, half) / polygamma(1, half) ** 2).sum())
    if count == 0:
        return _Prior(tuple(exp(c) for c in centres), 0.0)
    expected = expected / sizes
    dof = prior_dof(spread / count, expected, spread_error(count, sizes, tails / sizes))
    if dof in (0.0, inf):
        return _Prior(tuple(exp(c) for c in centres), dof)
    return _Prior(tuple(exp(c + float(digamma(dof / 2)) - log(dof / 2)) for c in centres), dof)


def spread_error(count: int, sizes: int, kurtosis: float) -> float:
    """The standard error of the variance of the logarithms of `sizes` variances, as a part of this variance.

    `count` is its degrees of freedom, `kurtosis` the excess kurtosis of one logarithm.
    """
    return sqrt(2 / count + kurtosis / sizes)


def prior_dof(spread: float, expected: float, error: float) -> float:
    """The prior's degrees of freedom when logarithms of variances vary by `spread`, and by `expected` if all are equal.

    Infinite when the variances agree, 0 when they disagree so much that no prior is used.
    """
    excess = spread * (1 + error) - expected
    if excess <= 0:
        return inf
    dof = 2 * _inverse_trigamma(excess)
    return dof if dof >= LEAST_PRIOR else 0.0


def _inverse_trigamma(value: float) -> float:
    from scipy.optimize import brentq
    from scipy.special import polygamma

    return float(brentq(lambda x: float(polygamma(1, x)) - value, 1e-6, 1e12))


def _dof(parts: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> int:
    return len(parts) - 1


def _pooled(sheet: Varying) -> float | None:
    known = sorted((v, _dof(p)) for v, p in zip(sheet.seed_variances, sheet.parts, strict=True) if _dof(p))
    if sum(dof for _, dof in known[:-1]) >= MANY:
        known.pop()
    total = sum(dof for _, dof in known)
    return sum(dof * variance for variance, dof in known) / total if total else None


def _flips(sheet: Varying) -> float:
    known = [f for f, p in zip(sheet.flips, sheet.parts, strict=True) if _dof(p)]
    return sum(known) / len(known) if known else 0.0
