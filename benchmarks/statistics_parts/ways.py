"""Ways to decide which contrasts of a study may be claimed: the chosen one, and those that it was chosen from.

A way gives, for a study, which contrasts it claims, and with which sign: a setting against the usual choice (setting
0), in every category and over all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from benchmarks.statistics_parts import before as baseline
from benchmarks.statistics_parts.cases import Case
from shallowsight.evaluate.statistics.answers import picture_variance
from shallowsight.evaluate.statistics.contrast import contrast
from shallowsight.evaluate.statistics.family import ALPHA, Judgement, Planned, Verdict, holm, judge
from shallowsight.evaluate.statistics.noise import Noise
from shallowsight.evaluate.statistics.sheet import Sheet, overall

Claims = dict[tuple[str, str], int]  # category, setting -> sign of the claimed gap to the usual choice
USUAL = "s0"


@dataclass(frozen=True)
class Drawn:
    """A study and its truth."""

    case: Case
    sheets: Mapping[str, Sheet]  # one per category
    judgement: Judgement  # of the chosen way

    @property
    def planned(self) -> list[tuple[str, Sheet, str]]:
        """Category, its sheet, and a setting to be compared with the usual choice."""
        return [(name, sheet, s) for name, sheet in self.judgement.sheets.items() for s in sheet.settings if s != USUAL]


def draw_study(case: Case, sheets: Mapping[str, Sheet]) -> Drawn:
    names = next(iter(sheets.values())).settings
    singles, fusions = names[: len(names) - case.fusions], names[len(names) - case.fusions :]
    return Drawn(case, sheets, judge(sheets, Planned(USUAL, singles, fusions)))


def chosen(study: Drawn) -> Claims:
    """The shipped way: moderated variances, normal and t together, one family."""
    claims = {}
    for (category, a, b), found in study.judgement.pairs.items():
        if found.planned and found.verdict in _SIGNS:
            assert b == USUAL
            claims[category, a] = _SIGNS[found.verdict]
    for (category, fusion), found in study.judgement.against_best.items():
        if found.verdict in _SIGNS:
            claims[category, f"{fusion} against the best"] = _SIGNS[found.verdict]
    return claims


def before(study: Drawn) -> Claims:
    """The way that this project had before; every pair that it claims counts, and it has no overall contrast."""
    found: Claims = {}
    for category, sheet in study.sheets.items():
        for (a, b), sign in baseline.claims(sheet).items():
            found[category, b if a == USUAL else f"{a} against {b}"] = -sign if a == USUAL else sign
    return found


def welch(study: Drawn) -> Claims:
    """Welch's t-test on the scores of the seeds."""

    def p(sheet: Sheet, a: int, b: int, gap: float) -> float | None:
        parts = [(sheet.seed_variances[i] / len(sheet.parts[i]), len(sheet.parts[i]) - 1) for i in (a, b)]
        return _student(gap, 0.0, 0, parts)

    return _family(study, p)


def crossed(study: Drawn) -> Claims:
    """Pictures and seeds crossed, each setting with its own variance, Welch-Satterthwaite degrees of freedom."""

    def p(sheet: Sheet, a: int, b: int, gap: float) -> float | None:
        parts = [(sheet.seed_variances[i] / len(sheet.parts[i]), len(sheet.parts[i]) - 1) for i in (a, b)]
        return _student(gap, *_pictures(sheet, a, b), parts)

    return _family(study, p)


def pooled(study: Drawn) -> Claims:
    """The same with one variance for all settings of a category (what a mixed model with one seed variance does)."""

    def p(sheet: Sheet, a: int, b: int, gap: float) -> float | None:
        dofs = np.array([len(x) - 1 for x in sheet.parts])
        if not dofs.any():
            return None
        variance = float(np.nansum(np.array(sheet.seed_variances) * dofs) / dofs.sum())
        parts = [(variance * (1 / len(sheet.parts[a]) + 1 / len(sheet.parts[b])), int(dofs.sum()))]
        return _student(gap, *_pictures(sheet, a, b), parts)

    return _family(study, p)


def resampled(study: Drawn) -> Claims:
    """What a bootstrap over seeds and pictures tends to: variances divided by the number of seeds, a normal tail."""

    def p(sheet: Sheet, a: int, b: int, gap: float) -> float | None:
        sizes = [len(sheet.parts[i]) for i in (a, b)]
        noise = sum(sheet.seed_variances[i] * (n - 1) / n**2 for i, n in zip((a, b), sizes, strict=True))
        variance = _pictures(sheet, a, b)[0] + noise
        return float(2 * norm.sf(abs(gap) / max(variance, 1e-12) ** 0.5)) if variance == variance else None

    return _family(study, p)


def own(study: Drawn) -> Claims:
    """The shipped test with every setting's own variance, nothing borrowed."""
    whole = overall(list(study.sheets.values()))
    sheets = {**study.sheets, **({"all categories": whole} if whole else {})}
    p_values: dict[tuple[str, ...], float | None] = {}
    signs = {}
    for name, sheet in sheets.items():
        triples = zip(sheet.settings, sheet.seed_variances, sheet.parts, strict=True)
        noise = {s: Noise(max(v, 1e-12), len(x) - 1) for s, v, x in triples if len(x) > 1}
        for setting in sheet.settings[1:]:
            found = contrast(sheet, noise, setting, USUAL)
            p_values[name, setting] = found.p
            signs[name, setting] = 1 if found.gap > 0 else -1
    p_values |= {("against singles", *key): None for key in study.judgement.against_best}
    return {(k[0], k[1]): signs[k[0], k[1]] for k, p in holm(p_values).items() if p is not None and p <= ALPHA}


def oracle(study: Drawn) -> Claims:
    """Knows every true variance between seeds: with the same correction, no valid way finds more."""

    def p(sheet: Sheet, a: int, b: int, gap: float) -> float | None:
        noise = sum(study.case.variance(i, _name(study, sheet)) / len(sheet.parts[i]) for i in (a, b))
        variance = noise + _total_pictures(sheet, a, b)
        return float(2 * norm.sf(abs(gap) / max(variance, 1e-12) ** 0.5))

    return _family(study, p)


WAYS: Mapping[str, Callable[[Drawn], Claims]] = {
    "before": before, "welch": welch, "crossed": crossed, "pooled": pooled, "resampled": resampled, "own": own,
    "oracle": oracle,
}  # fmt: skip
_SIGNS = {Verdict.A_BETTER: 1, Verdict.B_BETTER: -1}


def _name(study: Drawn, sheet: Sheet) -> str:
    return next(name for name, found in study.judgement.sheets.items() if found is sheet)


def _family(study: Drawn, p_of: Callable[[Sheet, int, int, float], float | None]) -> Claims:
    """Holm over the planned contrasts."""
    p_values: dict[tuple[str, ...], float | None] = {}
    signs: Claims = {}
    for name, sheet, setting in study.planned:
        at = sheet.settings.index(setting)
        gap = float((sheet.means[at] - sheet.means[0]).sum())
        signs[name, setting] = 1 if gap > 0 else -1
        several = min(len(sheet.parts[at]), len(sheet.parts[0])) > 1
        p_values[name, setting] = p_of(sheet, at, 0, gap) if several else None
    # The same number of members as the shipped family has: fusions are compared with the single layers too.
    p_values |= {("against singles", *key): None for key in study.judgement.against_best}
    return {(k[0], k[1]): signs[k[0], k[1]] for k, p in holm(p_values).items() if p is not None and p <= ALPHA}


def _total_pictures(sheet: Sheet, a: int, b: int) -> float:
    return picture_variance(sheet.means[a] - sheet.means[b], sheet.shares_G)


def _pictures(sheet: Sheet, a: int, b: int) -> tuple[float, int]:
    twice = sum(sheet.flips[i] / len(sheet.parts[i]) for i in (a, b))
    return max(_total_pictures(sheet, a, b) - twice, 0.0), len(sheet.images) - 1


def _student(gap: float, pictures: float, dof: int, parts: list[tuple[float, int]]) -> float:
    variance = pictures + sum(v for v, _ in parts)
    if variance <= 0:
        return 1.0 if gap == 0 else 0.0
    spread = sum(v**2 / d for v, d in parts) + (pictures**2 / dof if dof else 0.0)
    return float(2 * t.sf(abs(gap) / variance**0.5, variance**2 / max(spread, 1e-300)))
