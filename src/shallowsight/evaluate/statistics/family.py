"""The claims of a whole study: its planned contrasts as one family, everything else as exploration.

Planned, before any result is seen: every setting against the usual choice (the penultimate layer), and every fusion
against the best single layer; each in every category and over all categories. Holm's correction keeps the probability
that a study claims anything false among these below ALPHA. All other pairs are corrected as a second family: they may
suggest a next study, and no claim rests on them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

from shallowsight.evaluate.statistics.contrast import Contrast, contrast
from shallowsight.evaluate.statistics.noise import Noise, seed_noise
from shallowsight.evaluate.statistics.sheet import Sheet, overall
from shallowsight.study.benchmarks import ALL_CATEGORIES

ALPHA = 0.05
OVERALL = ALL_CATEGORIES
Key = tuple[str, str, str]  # category, setting a, setting b
WhyNot = Callable[[str, str, str], str]  # category, better and worse setting -> why this is not claimed, or nothing


class Verdict(StrEnum):
    """The verdict about two settings."""

    A_BETTER = "a better"
    B_BETTER = "b better"
    NOT_DISTINGUISHABLE = "not distinguishable"
    FEW_SEEDS = "too few seeds: training noise unknown"
    FEW_PICTURES = "too few pictures"
    NOT_LEVELLED = "training has not levelled off"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Setting a against setting b in one category, corrected for all comparisons of its family."""

    contrast: Contrast
    p: float | None  # corrected; None: training noise unknown, or too few pictures
    planned: bool
    verdict: Verdict
    why: str = ""  # of a verdict that is not about chance

    @property
    def gap(self) -> float:
        """The score of a less that of b."""
        return self.contrast.gap

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of this gap alone, for other pictures and other trainings; None: noise unknown."""
        half = self.contrast.half_width
        return None if half is None else (self.gap - half, self.gap + half)

    def flipped(self) -> "Comparison":
        """The same comparison with a and b exchanged."""
        swap = {Verdict.A_BETTER: Verdict.B_BETTER, Verdict.B_BETTER: Verdict.A_BETTER}
        return replace(self, contrast=self.contrast.flipped(), verdict=swap.get(self.verdict, self.verdict))


@dataclass(frozen=True)
class Planned:
    """What a study plans to compare."""

    usual: str | None  # the setting of the penultimate layer
    singles: tuple[str, ...]  # settings of one layer
    fusions: tuple[str, ...]
    ended: tuple[str, ...] = ()  # settings that a halved study did not train to the end, because of what they scored
    ended_fusions: tuple[str, ...] = ()  # those of them that are fusions
    controls: tuple[str, ...] = ()  # one layer as often as a fusion has layers: the parameters of a fusion without it


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Every comparison of a study."""

    sheets: Mapping[str, Sheet]  # by category; the one over all categories has the name OVERALL
    noise: Mapping[str, Mapping[str, Noise]]
    pairs: Mapping[Key, Comparison]
    against_best: Mapping[tuple[str, str], Comparison]  # category, fusion: the fusion against the best single layer
    best: Mapping[str, tuple[str, ...]]  # category -> the single layers that cannot be told from its best one

    def compare(self, category: str, a: str, b: str) -> Comparison | None:
        """Setting a against setting b; None when one of them has no result."""
        if (category, a, b) in self.pairs:
            return self.pairs[category, a, b]
        return self.pairs[category, b, a].flipped() if (category, b, a) in self.pairs else None


def claimable(category: str, better: str, worse: str) -> str:
    """Any difference may be claimed."""
    return ""


def judge(
    categories: Mapping[str, Sheet], planned: Planned, alpha: float = ALPHA, why_not: WhyNot = claimable
) -> Judgement:
    """Compare all settings in all categories, and over all categories if there are several.

    A difference that is no accident is not claimed where `why_not` gives a reason.
    """
    whole = overall(list(categories.values()))
    sheets = {**categories, **({OVERALL: whole} if whole else {})}
    noise = dict(zip(sheets, seed_noise(list(categories.values()), whole), strict=True))
    found = {
        (name, a, b): contrast(sheet, noise[name], a, b)
        for name, sheet in sheets.items()
        for a, b in (_ordered(pair, planned) for pair in combinations(sheet.settings, 2))
    }
    against = {
        (name, fusion): each
        for name, sheet in sheets.items()
        for fusion in planned.fusions
        if (each := _against_singles(name, sheet, fusion, found, planned))
    }
    first: dict[tuple[str, ...], float | None] = {k: c.p for k, c in found.items() if k[2] == planned.usual}
    # Where the usual choice is the only single layer, "better than every single layer" is the comparison with it.
    more = {key: _p_of_all(each.values()) for key, each in against.items() if set(each) != {planned.usual}}
    corrected = holm(first | more | _untested(sheets, planned))
    rest = holm({key: c.p for key, c in found.items() if key not in first})
    return Judgement(
        sheets=sheets,
        noise=noise,
        pairs={
            key: _judged(c, (corrected if key in first else rest)[key], key in first, alpha, _reason(key, c, why_not))
            for key, c in found.items()
        },
        against_best={
            key: _judged(
                min(each.values(), key=lambda c: c.gap),
                corrected[key if key in more else (*key, str(planned.usual))],
                True,
                alpha,
                next((why for single in each if (why := why_not(*key, single))), ""),
            )
            for key, each in against.items()
        },
        best={name: _best(name, sheet, found, planned, alpha / len(sheets), why_not) for name, sheet in sheets.items()},
    )


def holm(p_values: Mapping[tuple[str, ...], float | None]) -> dict[tuple[str, ...], float | None]:
    """Holm's step-down correction (family-wise error rate); a contrast without a p-value counts as a member."""
    corrected: dict[tuple[str, ...], float | None] = {}
    running = 0.0
    ordered = sorted(p_values, key=lambda key: 2.0 if (p := p_values[key]) is None else p)
    for rank, key in enumerate(ordered):
        p = p_values[key]
        running = max(running, min(1.0, (len(ordered) - rank) * (1.0 if p is None else p)))
        corrected[key] = None if p is None else running
    return corrected


def _untested(sheets: Iterable[str], planned: Planned) -> dict[tuple[str, ...], None]:
    """The planned contrasts of settings that ended early. They have no p-value, and count as members of the family.

    The settings that were trained to the end were chosen from all by their scores. A contrast that is left out because
    of the data counts as one that shows nothing, so that what is claimed would be claimed with all of them too.
    """
    found: dict[tuple[str, ...], None] = {}
    for name in sheets:
        found |= {(name, setting, str(planned.usual)): None for setting in planned.ended if planned.usual}
        found |= {(name, setting): None for setting in planned.ended_fusions}
    return found


def _ordered(pair: tuple[str, str], planned: Planned) -> tuple[str, str]:
    """The usual choice is always b."""
    return (pair[1], pair[0]) if pair[0] == planned.usual else pair


def _reason(key: Key, c: Contrast, why_not: WhyNot) -> str:
    category, a, b = key
    return why_not(category, a, b) if c.gap > 0 else why_not(category, b, a)


def _against_singles(
    category: str, sheet: Sheet, fusion: str, found: Mapping[Key, Contrast], planned: Planned
) -> dict[str, Contrast]:
    """A fusion against every setting of one layer."""
    if fusion not in sheet.settings:
        return {}
    singles = [s for s in (*planned.singles, *planned.controls) if s in sheet.settings]
    return {single: _directed(found, category, fusion, single) for single in singles}


def _p_of_all(contrasts: Iterable[Contrast]) -> float | None:
    """The p-value of "better than every one of them".

    A fusion is better than the best layer only if it is better than each of them; the largest p-value needs no
    correction for their number (an intersection-union test).
    """
    largest = 0.0
    for c in contrasts:
        if c.p is None:
            return None
        largest = max(largest, c.p if c.gap > 0 else 1.0)
    return largest


def _best(
    category: str,
    sheet: Sheet,
    found: Mapping[Key, Contrast],
    planned: Planned,
    alpha: float,
    why_not: WhyNot,
) -> tuple[str, ...]:
    """The single layers that no other one beats: they hold the truly best one with the probability 1 - alpha.

    The truly best layer is beaten by accident by one of the others only, so that their number is the correction
    (comparisons with the best: Hsu 1984, doi 10.1214/aos/1176346712).
    """
    singles = [s for s in planned.singles if s in sheet.settings]
    ended = len(planned.ended) - len(planned.ended_fusions)
    limit = alpha / max(len(singles) + ended - 1, 1)

    def beats(better: str, worse: str) -> bool:
        c = _directed(found, category, better, worse)
        return c.gap > 0 and c.p is not None and c.p / 2 <= limit and not why_not(category, better, worse)

    return tuple(s for s in singles if not any(beats(other, s) for other in singles if other != s))


def _directed(found: Mapping[Key, Contrast], category: str, a: str, b: str) -> Contrast:
    c = found.get((category, a, b))
    return found[category, b, a].flipped() if c is None else c


def _judged(c: Contrast, p: float | None, planned: bool, alpha: float, reason: str) -> Comparison:
    if not c.enough_pictures:
        verdict = Verdict.FEW_PICTURES
    elif p is None:
        verdict = Verdict.FEW_SEEDS
    elif p > alpha:
        verdict = Verdict.NOT_DISTINGUISHABLE
    elif reason:
        return Comparison(contrast=c, p=p, planned=planned, verdict=Verdict.NOT_LEVELLED, why=reason)
    else:
        verdict = Verdict.A_BETTER if c.gap > 0 else Verdict.B_BETTER
    return Comparison(contrast=c, p=p, planned=planned, verdict=verdict)
