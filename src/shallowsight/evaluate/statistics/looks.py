"""Seeds that are added where they pay: which contrasts are still undecided after a look at the results.

A study with L - 1 seeds in reserve is judged at most L times. After each look, every setting that is part of an
undecided contrast gets the next seed; when no contrast is undecided, or no seed is left, the last look is the result.

Every look is judged at ALPHA / L, so that all looks together claim something false in at most ALPHA of studies, however
their results depend on each other (Bonferroni). That settings end with unequal numbers of seeds changes nothing: a
setting stops only when all of its contrasts were decided at an earlier look, which counts that look's error. It costs
power: with L = 3 a planned contrast needs p <= 0.017 where one look needs 0.05. Sequential boundaries that spend less
on early looks assume a normal test with known variance, which three seeds do not give.
"""

from collections.abc import Sequence

from shallowsight.evaluate.statistics.contrast import Contrast
from shallowsight.evaluate.statistics.family import ALPHA, Comparison, Judgement, Key, Planned, Verdict

_OPEN = (
    Verdict.NOT_DISTINGUISHABLE,
    Verdict.FEW_SEEDS,
)  # all others are claimed, or refused for what seeds do not mend


def level_of(more_seeds: Sequence[int]) -> float:
    """The level at which each look is judged."""
    return ALPHA / (1 + len(more_seeds))


def undecided(judgement: Judgement, planned: Planned, level: float) -> frozenset[Key]:
    """The pairs of settings that a planned contrast still needs: category, setting, and what it is compared with.

    A fusion is compared with every single layer, so its contrast is undecided between the fusion and the layers that it
    does not beat yet. It is decided when it is claimed, or when one of the layers beats the fusion.
    """
    found = {key for key, c in judgement.pairs.items() if c.planned and c.verdict in _OPEN}
    # The strictest step of Holm's correction: a pair that passes it counts as decided without the others.
    limit = level / max(_count(judgement), 1)
    for (category, fusion), against in judgement.against_best.items():
        if against.verdict in _OPEN:
            found |= _against_singles(judgement, planned, category, fusion, limit)
    return frozenset(found)


def settings_of(pairs: frozenset[Key]) -> frozenset[str]:
    """The settings that get the next seed."""
    return frozenset(setting for _, *both in pairs for setting in both)


def _against_singles(judgement: Judgement, planned: Planned, category: str, fusion: str, limit: float) -> set[Key]:
    found = set[Key]()
    for single in (*planned.singles, *planned.controls):
        comparison = judgement.compare(category, fusion, single)
        if comparison is None:
            continue
        if not _decided(comparison.contrast, limit):
            found.add((category, fusion, single))
        elif comparison.gap < 0:
            return set()
    return found


def _decided(c: Contrast, limit: float) -> bool:
    return c.p is not None and c.p <= limit


def _count(judgement: Judgement) -> int:
    planned: list[Comparison] = [c for c in judgement.pairs.values() if c.planned]
    return len(planned) + len(judgement.against_best)
