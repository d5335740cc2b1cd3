"""The section of the page on the paper's claims."""

from typing import Any

from shallowsight.report.claims.answers import Answer, answers
from shallowsight.report.claims.directions import Direction
from shallowsight.report.claims.paper import Paper, read_paper
from shallowsight.report.claims.places import PLACES, layers_of
from shallowsight.report.findings import Findings
from shallowsight.report.values import Study
from shallowsight.report.words import depth, listed, ranges

_MARKS = {  # CSS class of the mark, and a sign: the meaning must not depend on colour alone
    Direction.SAME: ("better", "\N{CHECK MARK}"),
    Direction.OTHER: ("worse", "\N{BALLOT X}"),
    Direction.UNCLEAR: ("same", "\N{ALMOST EQUAL TO}"),
}
_NOTE = (
    "A direction comes from this study's tests, never from the higher of two scores: where the best layer lies, from "
    "the layers that cannot be told from the best one; everything else from the planned comparisons, in most of the "
    "categories in which a difference is claimed. Not distinguishable speaks neither for the paper nor against it."
)


def claims_section(study: Study, findings: Findings) -> dict[str, Any] | None:
    """What the template arranges; None without any result."""
    if not findings.categories:
        return None
    paper = read_paper()
    found = answers(study, findings, paper)
    return {
        "about": _about(study, paper),
        "judged": [_row(answer) for answer in found if answer.direction is not Direction.NOT_RUN],
        "not_run": [answer for answer in found if answer.direction is Direction.NOT_RUN],
        "note": _NOTE,
    }


def _about(study: Study, paper: Paper) -> str:
    layers = depth(study)
    places = [
        f"{place} is {ranges(own)}" if (own := layers_of(place, layers)) else f"no layer is {place}" for place in PLACES
    ]
    what = (
        "This study has the paper's tower: reproduced or not is for its own data, language model and training."
        if study.tower == paper.tower
        else "This study has another tower, so that only directions can be compared, no numbers."
    )
    return (
        f"The layer study (arXiv 2504.21447) trained a model for every layer of {paper.tower}, once each. {what} "
        f"By the paper's groups, as shares of the depth (up to a half, up to five sixths, beyond), of {layers} layers "
        f"{listed(places)}."
    )


def _row(answer: Answer) -> dict[str, Any]:
    kind, sign = _MARKS[answer.direction]
    return {"answer": answer, "kind": kind, "sign": sign}
