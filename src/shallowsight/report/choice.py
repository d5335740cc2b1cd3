"""The choice for each category: first the layers that cannot be told from the best one, then one of them by a rule.

The rule: of the layers that beat the penultimate layer, the usual choice, and cannot be told from the best one, the
shallowest is chosen, since it costs least. When no layer beats the penultimate one, that stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shallowsight.evaluate.statistics.family import Comparison, Verdict
from shallowsight.evaluate.statistics.selection import score_of_picking
from shallowsight.report.findings import Findings
from shallowsight.report.scores import Category, Score
from shallowsight.report.values import Member, Study

SAYS_NOTHING = 0.5  # a bound on how much worse a layer is that is so large is left out
RULE = (
    "of the layers that beat the penultimate layer and cannot be told from the best one, the shallowest; when there is "
    "none, the penultimate layer stays"
)


@dataclass(frozen=True, kw_only=True)
class NoWorse:
    """A shallower layer, and the most that it is worse than the usual one (95 % for all such statements together)."""

    member: Member
    points: float  # of accuracy, 0 to 1


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The recommendation for one category."""

    category: Category
    usual: Member | None  # the penultimate layer
    highest: Member | None  # the single layer with the highest score
    score: Score | None  # of the highest
    picked_score: float | None  # of a layer that is picked as the highest, on results that did not pick it
    equals: tuple[Member, ...]  # the single layers that cannot be told from the best one
    better: tuple[Member, ...]  # the single layers that beat the usual choice, and guessing
    worse: tuple[Member, ...]  # the single layers that the usual choice beats
    refused: tuple[str, ...]  # differences from the usual choice that are no accident but do not count, and why
    no_worse: tuple[NoWorse, ...]
    fusion: Member | None  # the fusion with the highest score
    fusion_score: Score | None
    fusion_against_best: Comparison | None
    fusion_against_usual: Comparison | None

    @property
    def winners(self) -> tuple[Member, ...]:
        """The layers that beat the usual choice and cannot be told from the best one, shallow first."""
        return tuple(sorted((m for m in self.better if m in self.equals), key=lambda m: m.layers))

    @property
    def evidence(self) -> bool:
        """Whether a layer is better than the usual choice."""
        return bool(self.winners)

    @property
    def chosen(self) -> Member | None:
        """The layer that the rule chooses; None when the study has no penultimate layer to stay with."""
        return self.winners[0] if self.winners else self.usual

    @property
    def highest_against_usual(self) -> Comparison | None:
        """None when the highest layer is the usual choice, or one of them has no result."""
        if self.highest is None or self.usual is None or self.highest is self.usual:
            return None
        return self.category.compare(self.highest.setting, self.usual.setting)


def choose(study: Study, findings: Findings) -> tuple[Choice, ...]:
    """The choice for each category, and over all categories."""
    return tuple(_choice(study, findings, category) for category in findings.every)


def _choice(study: Study, findings: Findings, category: Category) -> Choice:
    singles = tuple(m for m in study.members if m.single and m.setting in category.scores)
    fusions = tuple(m for m in study.members if m.setting in findings.planned.fusions)
    usual = next((m for m in singles if m.setting == findings.planned.usual), None)
    score, fusion_score = category.best(singles), category.best(fusions)
    highest = study.member(score.setting) if score else None
    fusion = study.member(fusion_score.setting) if fusion_score else None
    sheet = category.judgement.sheets.get(category.name)
    others = [m for m in singles if m is not usual]
    known = [(m, c) for m in others if usual and (c := category.compare(m.setting, usual.setting)) is not None]
    return Choice(
        category=category,
        usual=usual,
        highest=highest,
        score=score,
        picked_score=score_of_picking(sheet, tuple(m.setting for m in singles)) if sheet else None,
        equals=tuple(study.member(s) for s in category.judgement.best.get(category.name, ())),
        better=tuple(m for m, c in known if c.verdict is Verdict.A_BETTER and above_chance(category, m)),
        worse=tuple(m for m, c in known if c.verdict is Verdict.B_BETTER),
        refused=tuple(_refused(category, usual, known, fusions)),
        no_worse=tuple(_no_worse(known, usual, category, findings)) if usual else (),
        fusion=fusion,
        fusion_score=fusion_score,
        fusion_against_best=category.judgement.against_best.get((category.name, fusion.setting)) if fusion else None,
        fusion_against_usual=category.compare(fusion.setting, usual.setting) if fusion and usual else None,
    )


def _no_worse(
    known: Sequence[tuple[Member, Comparison]], usual: Member, category: Category, findings: Findings
) -> list[NoWorse]:
    """One-sided bounds that hold together: the probability of error is divided by the number of planned contrasts."""
    count = sum(c.planned for c in category.judgement.pairs.values())
    count += len(findings.planned.ended) * len(category.judgement.sheets)
    found = []
    for member, comparison in known:
        limit = comparison.contrast.critical(2 * findings.level / count)
        growing = findings.curves.why_not(category.name, member.setting, usual.setting)
        bound = None if limit is None or growing else max(0.0, limit - comparison.gap)
        if member.layers < usual.layers and bound is not None and bound < SAYS_NOTHING:
            found.append(NoWorse(member=member, points=bound))
    return found


def _refused(
    category: Category, usual: Member | None, known: Sequence[tuple[Member, Comparison]], fusions: Sequence[Member]
) -> list[str]:
    found = [(m, c) for m, c in known if c.verdict is Verdict.NOT_LEVELLED]
    found += [
        (m, c)
        for m in fusions
        if usual and (c := category.compare(m.setting, usual.setting)) and c.verdict is Verdict.NOT_LEVELLED
    ]
    return [f"{m.label} ({100 * c.gap:+.1f} points): {c.why}" for m, c in found]


def above_chance(category: Category, member: Member) -> bool:
    """Whether a setting answers better than guessing (two standard errors), where guessing is known."""
    score = category.scores[member.setting]
    return category.chance is None or score.accuracy - 2 * score.standard_error > category.chance


def versus(c: Comparison, name: str) -> str:
    """A comparison in words for setting a: `better than layer 11 (p=0.003)`."""
    if c.p is None:
        return f"against {name}: {c.verdict.value}"
    p = f"p={c.p:.2g}" if c.p >= 1e-4 else "p<0.0001"
    match c.verdict:
        case Verdict.A_BETTER:
            return f"better than {name} ({p})"
        case Verdict.B_BETTER:
            return f"worse than {name} ({p})"
        case Verdict.NOT_LEVELLED:
            return f"differs from {name} ({p}), but {c.why}"
    return f"not distinguishable from {name} ({p})"
