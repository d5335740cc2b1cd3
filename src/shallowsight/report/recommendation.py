"""The recommendation: the best single layer and the best fusion for each category, or "no evidence"."""

from dataclasses import dataclass
from typing import Any

from shallowsight.evaluate.statistics import Comparison, Verdict
from shallowsight.report.findings import Category, Findings, Score
from shallowsight.report.values import Member, Study

NOTE = (
    "Layers count from 1; vision_feature_layer is the index into Hugging Face `hidden_states` (0 = embeddings). "
    "A choice is given only where the best single layer is distinguishable from the last or the penultimate one: "
    "Holm-corrected p < 0.05 over all pairs of settings and a gap above the noise floor of the seeds. Everything "
    "holds for this tower, this language model, this training and these questions."
)


@dataclass(frozen=True, kw_only=True)
class Against:
    """The comparison of a category's best layer with a usual choice (`last`, `penultimate`)."""

    role: str
    member: Member | None
    same: bool  # whether the best layer is the usual choice itself
    comparison: Comparison | None

    @property
    def better(self) -> bool:
        """Whether the best layer is distinguishably better."""
        return self.comparison is not None and self.comparison.verdict is Verdict.A_BETTER

    @property
    def text(self) -> str:
        """The comparison in words."""
        if self.same:
            return f"is the {self.role} layer"
        if self.comparison is None:
            return f"{self.role} layer " + ("has no result" if self.member else "not in this study")
        return versus(self.comparison, self.role)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The recommendation for one category."""

    category: Category
    best: Member | None  # the single layer with the highest score
    score: Score | None
    last: Against
    penultimate: Against
    equals: tuple[Member, ...]  # other single layers that are not distinguishable from it
    fusion: Member | None
    fusion_score: Score | None
    fusion_against_best: Comparison | None
    fusion_against_penultimate: Comparison | None

    @property
    def above_chance(self) -> bool:
        """Whether the best layer answers better than guessing (two standard errors)."""
        chance = self.category.chance
        return self.score is not None and (
            chance is None or self.score.accuracy - 2 * self.score.standard_error > chance
        )

    @property
    def evidence(self) -> bool:
        """Whether the best layer is better than a usual choice, and better than guessing."""
        return self.above_chance and (self.last.better or self.penultimate.better)

    @property
    def text(self) -> str:
        """The evidence in words."""
        if self.score is None:
            return "no single layer has a result"
        guess = "" if self.above_chance else "not above chance; "
        return f"{guess}{self.last.text}, {self.penultimate.text}"


def versus(c: Comparison, name: str) -> str:
    """A comparison in words for setting a: `better than last (p=0.003)`."""
    p = f"p={c.p:.2g}" if c.p >= 1e-4 else "p<0.0001"
    match c.verdict:
        case Verdict.A_BETTER:
            return f"better than {name} ({p})"
        case Verdict.B_BETTER:
            return f"worse than {name} ({p})"
        case Verdict.ONE_SEED:
            return f"against {name}: {c.verdict.value}"
    return f"not distinguishable from {name} ({p})"


def choose(study: Study, findings: Findings) -> tuple[Choice, ...]:
    """The choice for each category."""
    return tuple(_choice(study, category) for category in findings.categories)


def _choice(study: Study, category: Category) -> Choice:
    singles = tuple(m for m in study.members if m.single)
    fusions = tuple(m for m in study.members if not m.single)
    score, fusion_score = category.best(singles), category.best(fusions)
    best = study.member(score.setting) if score else None
    fusion = study.member(fusion_score.setting) if fusion_score else None
    penultimate = _against(study, category, best, "penultimate")

    def compare(a: Member | None, b: Member | None) -> Comparison | None:
        return category.compare(a.setting, b.setting) if a and b else None

    equals = []
    for member in singles:
        found = compare(best, member)
        if found is not None and found.verdict is Verdict.NOT_DISTINGUISHABLE:
            equals.append(member)
    return Choice(
        category=category,
        best=best,
        score=score,
        last=_against(study, category, best, "last"),
        penultimate=penultimate,
        equals=tuple(equals),
        fusion=fusion,
        fusion_score=fusion_score,
        fusion_against_best=compare(fusion, best),
        fusion_against_penultimate=compare(fusion, penultimate.member),
    )


def _against(study: Study, category: Category, best: Member | None, role: str) -> Against:
    member = study.role(role)
    same = best is not None and best is member
    found = category.compare(best.setting, member.setting) if best and member and not same else None
    return Against(role=role, member=member, same=same, comparison=found)


def recommendation(study: Study, choices: tuple[Choice, ...]) -> dict[str, Any]:
    """The content of recommendation.json."""
    return {
        "study": study.name,
        "tower": study.tower,
        "categories": {c.category.name: _entry(c) for c in choices},
        "note": NOTE,
    }


def _entry(c: Choice) -> dict[str, Any]:
    layer = c.best.layers[0] if c.best and c.evidence else None
    return {
        "best_layer": layer,
        "best_setting": c.best.setting if c.best else None,
        "accuracy": c.score.accuracy if c.score else None,
        "evidence": c.text,
        "confidence": "evidence" if c.evidence else "no evidence",
        "not_distinguishable_from_best": [m.setting for m in c.equals],
        "best_fusion": _fusion(c),
        "vision_feature_layer": layer,
    }


def _fusion(c: Choice) -> dict[str, Any] | None:
    if c.fusion is None or c.fusion_score is None:
        return None
    words = [
        versus(found, name)
        for found, name in (
            (c.fusion_against_best, "the best single layer"),
            (c.fusion_against_penultimate, "penultimate"),
        )
        if found is not None and not (name == "penultimate" and c.penultimate.same)
    ]
    better = c.fusion_against_best is not None and c.fusion_against_best.verdict is Verdict.A_BETTER
    return {
        "setting": c.fusion.setting,
        "layers": list(c.fusion.layers),
        "fusion": c.fusion.fusion,
        "accuracy": c.fusion_score.accuracy,
        "evidence": ", ".join(words) or "nothing to compare with",
        "confidence": "evidence" if better else "no evidence",
    }
