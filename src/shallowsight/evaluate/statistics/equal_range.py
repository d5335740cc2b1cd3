"""How far settings that are equally good lie apart when training noise alone divides them."""

from collections.abc import Mapping
from math import sqrt
from statistics import fmean

from shallowsight.evaluate.statistics.family import ALPHA
from shallowsight.evaluate.statistics.noise import Noise


def range_of_equals(noise: Mapping[str, Noise], seeds: Mapping[str, int]) -> float | None:
    """The range, best less worst, that settings stay below in 95 % of all studies if all are equally good.

    The studentized range of so many means that differ by training noise alone. Their mean variance has the degrees of
    freedom of Satterthwaite's formula, and at most those of all seeds together, because each setting's noise borrows
    from the others.

    Args:
        noise: of each setting where it is known.
        seeds: the number of seeds of each setting in question.

    Returns:
        None: fewer than two of these settings have a known noise.
    """
    from scipy.stats import studentized_range

    known = {setting: count for setting, count in seeds.items() if setting in noise}
    if len(known) < 2:
        return None
    variances = {setting: noise[setting].variance / count for setting, count in known.items()}
    matched = sum(variances.values()) ** 2 / sum(v**2 / noise[s].dof for s, v in variances.items())
    dof = min(matched, sum(count - 1 for count in known.values()))
    return float(studentized_range.ppf(1 - ALPHA, len(known), dof)) * sqrt(fmean(variances.values()))
