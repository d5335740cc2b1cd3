"""The learning curves of a study: how each setting answers held-out training questions, over its training."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from shallowsight.data.learning import Point
from shallowsight.evaluate.statistics.family import OVERALL
from shallowsight.report.values import Member, Study
from shallowsight.study.benchmarks import find_benchmark


@dataclass(frozen=True, kw_only=True)
class LearningCurve:
    """How one setting learnt one category: the mean over its seeds, on held-out questions."""

    category: str
    setting: str
    shares: tuple[float, ...]  # of the training, from 0 to 1
    loss: tuple[float, ...]  # nats per token
    exact: tuple[float, ...]  # share of right answers
    lowest: float  # right answers of the weakest seed at the end
    questions: int  # of one seed

    def nearest(self, share: float) -> float:
        """The measured share that is nearest to a share of the training."""
        return self.shares[self._index(share)]

    def at(self, share: float) -> float:
        """The right answers at the nearest point."""
        return self.exact[self._index(share)]

    def loss_at(self, share: float) -> float:
        """The loss at the nearest point."""
        return self.loss[self._index(share)]

    def _index(self, share: float) -> int:
        return min(range(len(self.shares)), key=lambda i: abs(self.shares[i] - share))


def curves_of(study: Study, categories: Iterable[str]) -> dict[tuple[str, str], LearningCurve]:
    """The curves of these categories, and over all of them where a setting has all."""
    wanted = {c: k for c, k in _kinds(study).items() if c in set(categories)}
    found = {
        (category, member.setting): curve
        for category, kinds in wanted.items()
        for member in study.members
        if (curve := _curve(category, member, kinds)) is not None
    }
    for member in study.members if len(set(categories)) > 1 else ():
        own = [found[c, member.setting] for c in categories if (c, member.setting) in found]
        if len(own) == len(set(categories)) and len({c.shares for c in own}) == 1:
            found[OVERALL, member.setting] = _joined(member.setting, own)
    return found


def _curve(category: str, member: Member, kinds: frozenset[str] | None) -> LearningCurve | None:
    """The mean over the seeds that have results; `kinds` None: questions of every kind."""
    rows = [[_of_kinds(p, kinds) for p in t.learning] for t in member.done]
    if not rows or any(not row or None in row for row in rows):
        return None
    tables = [[x for x in row if x is not None] for row in rows]
    shares = {tuple(p.share for p in t.learning) for t in member.done}
    if len(shares) != 1:
        return None
    return LearningCurve(
        category=category,
        setting=member.setting,
        shares=next(iter(shares)),
        loss=tuple(fmean(seed[i][1] for seed in tables) for i in range(len(tables[0]))),
        exact=tuple(fmean(seed[i][2] for seed in tables) for i in range(len(tables[0]))),
        lowest=min(seed[-1][2] for seed in tables),
        questions=min(seed[-1][0] for seed in tables),
    )


def _of_kinds(point: Point, kinds: frozenset[str] | None) -> tuple[int, float, float] | None:
    """Questions, mean loss and share of right answers over some kinds; None when none of them was asked."""
    chosen = [a for kind, a in point.kinds.items() if kinds is None or kind in kinds]
    total = sum(a.questions for a in chosen)
    if not total:
        return None
    return (
        total,
        sum(a.questions * a.loss for a in chosen) / total,
        sum(a.questions * a.exact for a in chosen) / total,
    )


def _joined(setting: str, curves: list[LearningCurve]) -> LearningCurve:
    """All categories with the same weight."""
    return LearningCurve(
        category=OVERALL,
        setting=setting,
        shares=curves[0].shares,
        loss=tuple(map(fmean, zip(*(c.loss for c in curves), strict=True))),
        exact=tuple(map(fmean, zip(*(c.exact for c in curves), strict=True))),
        lowest=fmean(c.lowest for c in curves),
        questions=min(c.questions for c in curves),
    )


def _kinds(study: Study) -> Mapping[str, frozenset[str] | None]:
    """Category -> the kinds of question that its benchmarks ask; None: every kind."""
    found: dict[str, set[str | None]] = {}
    for name in dict.fromkeys(str(b["name"]) for m in study.members for t in m.done for b in t.benchmarks):
        try:
            found.setdefault(find_benchmark(name).category, set()).add(find_benchmark(name).question_kind)
        except ValueError:  # a benchmark of another version: its category has no curve
            continue
    return {c: None if None in kinds else frozenset(k for k in kinds if k is not None) for c, kinds in found.items()}
