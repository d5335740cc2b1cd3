"""The paper's claims in a study of ours. Only the study's own tests speak; a higher score alone is no direction."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shallowsight.report.claims import best_layers, comparisons, questions
from shallowsight.report.claims.directions import Asked, Direction, Found
from shallowsight.report.claims.paper import Paper
from shallowsight.report.findings import Findings
from shallowsight.report.values import Study

_ON_THE_PAPERS_TOWER = {
    Direction.SAME: "reproduced",
    Direction.OTHER: "not reproduced",
    Direction.UNCLEAR: "not reproduced",
    Direction.NOT_RUN: "not run",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a study says about one claim of the paper."""

    claim: str
    says: str
    about: str  # the part of the claim, or the category or setting of the study
    direction: Direction
    outcome: str  # the direction; for a study of the paper's tower: reproduced, not reproduced or not run
    why: str


def answers(study: Study, findings: Findings, paper: Paper) -> tuple[Answer, ...]:
    """One answer for each thing that a claim asks, more where several categories or fusions answer it."""
    asked = Asked(study, findings, paper)
    own = study.tower == paper.tower
    return tuple(
        Answer(
            claim=claim.name,
            says=claim.says,
            about=about,
            direction=direction,
            outcome=_ON_THE_PAPERS_TOWER[direction] if own else str(direction),
            why=why,
        )
        for claim in paper.claims
        for question in claim.study
        for about, direction, why in _ANSWERS[type(question)](question, asked)
    )


def _not_asked(question: questions.NotAsked, asked: Asked) -> Iterator[Found]:
    yield question.about, Direction.NOT_RUN, question.why


_ANSWERS: Mapping[type, Callable[[Any, Asked], Iterator[Found]]] = {
    questions.Best: best_layers.best,
    questions.Somewhere: best_layers.somewhere,
    questions.Last: comparisons.last,
    questions.Fusion: comparisons.fusion,
    questions.Pair: comparisons.pair,
    questions.NotAsked: _not_asked,
}
