"""Ways to compare two studies: the chosen one, and those that it was chosen from. Each gives claims with their sign."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.stats import norm, t

from shallowsight.evaluate.statistics.contrast import Contrast
from shallowsight.evaluate.statistics.family import ALPHA, OVERALL, holm
from shallowsight.evaluate.statistics.noise import Noise, seed_noise
from shallowsight.evaluate.statistics.sheet import Sheet, overall
from shallowsight.evaluate.statistics.two_studies import NoiseOfTwo, Sheets, contrast_of_two, corrected, noise_of_two

Key = tuple[str, str]  # category, setting
Claims = dict[Key, int]  # 1 better after, -1 worse after
Correct = Callable[[Mapping[Key, float | None]], Mapping[Key, float | None]]
Pairs = Mapping[str, Sheets]


def with_overall(pairs: Pairs) -> dict[str, Sheets]:
    """The categories, and all of them together if there are several."""
    first, second = (overall([getattr(s, side) for s in pairs.values()]) for side in ("before", "after"))
    paired = all(s.paired for s in pairs.values())
    return {**pairs, **({OVERALL: Sheets(first, second, paired)} if first and second else {})}


def chosen(pairs: Pairs) -> tuple[Claims, dict[Key, Contrast]]:
    """Pictures and trainings together, the noise from both studies."""
    every = with_overall(pairs)
    return _of_noise(every, noise_of_two(list(pairs.values()), every.get(OVERALL)))


def apart(pairs: Pairs) -> Claims:
    """The same, with the noise of each study from its own settings alone."""
    every = with_overall(pairs)
    whole = every.get(OVERALL)
    old = seed_noise([s.before for s in pairs.values()], whole.before if whole else None)
    new = seed_noise([s.after for s in pairs.values()], whole.after if whole else None)
    return _of_noise(every, [NoiseOfTwo(b, a) for b, a in zip(old, new, strict=True)])[0]


def even(found: Mapping[Key, Contrast]) -> Claims:
    """The chosen test, but every difference has the same weight in the correction."""
    return _claims(found, {k: c.p for k, c in found.items()}, holm)


def own(pairs: Pairs) -> Claims:
    """The same test with every setting's own variance, nothing borrowed."""
    every = with_overall(pairs)
    return _of_noise(every, [NoiseOfTwo(_own(s.before), _own(s.after)) for s in every.values()])[0]


def pictures(pairs: Pairs) -> Claims:
    """The questions alone, as if other trainings would give the same answers: what a paired test of two models does."""
    every = with_overall(pairs)
    none = [NoiseOfTwo({}, {}) for _ in every]
    found = _contrasts(every, none)
    return _claims(found, {k: _normal(c.gap, c.picture_variance) for k, c in found.items()})


def welch(pairs: Pairs) -> Claims:
    """Welch's t-test on the scores of the seeds."""
    every = with_overall(pairs)
    p: dict[Key, float | None] = {}
    found = _contrasts(every, [NoiseOfTwo({}, {}) for _ in every])
    for (name, setting), c in found.items():
        sides = [(s.seed_variances[i := s.settings.index(setting)], len(s.parts[i])) for s in _sides(every[name])]
        p[name, setting] = _welch(c.gap, sides)
    return _claims(found, p)


def threshold(pairs: Pairs) -> Claims:
    """A fixed limit of two points, as continuous integration often has."""
    every = with_overall(pairs)
    found = _contrasts(every, [NoiseOfTwo({}, {}) for _ in every])
    return {k: (1 if c.gap > 0 else -1) for k, c in found.items() if abs(c.gap) > 0.02}


WAYS: Mapping[str, Callable[[Pairs], Claims]] = {
    "apart": apart, "own": own, "welch": welch, "pictures": pictures, "2 points": threshold
}  # fmt: skip


def _sides(sheets: Sheets) -> tuple[Sheet, Sheet]:
    return sheets.before, sheets.after


def _welch(gap: float, sides: list[tuple[float, int]]) -> float | None:
    if min(n for _, n in sides) < 2:
        return None
    parts = [(v / n, n - 1) for v, n in sides]
    variance = sum(v for v, _ in parts)
    if variance <= 0:
        return 1.0 if gap == 0 else 0.0
    dof = variance**2 / sum(v**2 / d for v, d in parts)
    return float(2 * t.sf(abs(gap) / variance**0.5, dof))


def _normal(gap: float, variance: float) -> float:
    return float(2 * norm.sf(abs(gap) / max(variance, 1e-14) ** 0.5))


def _own(sheet: Sheet) -> dict[str, Noise]:
    triples = zip(sheet.settings, sheet.seed_variances, sheet.parts, strict=True)
    return {s: Noise(max(v, 1e-12), len(x) - 1) for s, v, x in triples if len(x) > 1}


def _contrasts(every: Pairs, noise: list[NoiseOfTwo]) -> dict[Key, Contrast]:
    return {
        (name, s): contrast_of_two(sheets, each, s, s)
        for (name, sheets), each in zip(every.items(), noise, strict=True)
        for s in sheets.before.settings
    }


def _of_noise(every: Pairs, noise: list[NoiseOfTwo]) -> tuple[Claims, dict[Key, Contrast]]:
    found = _contrasts(every, noise)
    return _claims(found, {k: c.p for k, c in found.items()}), found


def _claims(found: Mapping[Key, Contrast], p: Mapping[Key, float | None], correct: Correct = corrected) -> Claims:
    after = correct(p)
    claimed = [k for k in found if (each := after[k]) is not None and each <= ALPHA]
    return {k: int(np.sign(found[k].gap)) for k in claimed}
