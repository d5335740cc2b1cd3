"""Accuracy against cost as the page shows it."""

from math import isfinite
from typing import Any

from shallowsight.evaluate.statistics.family import OVERALL
from shallowsight.report.pareto import Pareto, Place
from shallowsight.report.values import Study
from shallowsight.study.image_tokens import QUESTION_TOKENS

_NONE = "\N{EN DASH}"


def pareto_section(study: Study, found: Pareto) -> dict[str, Any]:
    """What the template shows beside the figure."""
    labels = {m.setting: m.label for m in study.members}
    return {
        "category": found.category,
        "overall": found.category == OVERALL,
        "rows": [_row(place, found, labels[place.setting]) for place in found.places],
        "words": QUESTION_TOKENS,
        "counted": all(place.operations is not None for place in found.places),
    }


def _row(place: Place, found: Pareto, label: str) -> dict[str, Any]:
    best = [front.cost.name.partition(",")[0] for front in found.fronts if place in front.best]
    return {
        "label": label,
        "accuracy": f"{100 * place.accuracy:.1f}",
        "error": f"{100 * place.error:.1f}" if isfinite(place.error) else _NONE,
        "share": f"{100 * place.share:.0f}",
        "tokens": place.tokens if place.tokens is not None else _NONE,
        "operations": f"{place.operations / 1e9:.4g}" if place.operations is not None else _NONE,
        "best": ", ".join(best) or _NONE,
    }
