"""Shallow, middle and deep in a tower of any depth: the paper's groups, by their share of the depth.

Not thirds: the paper's middle layers, 13 to 20 of 24, end at five sixths of the depth, so that its layer 18, which
stands for the middle, would be a deep one by thirds.
"""

from shallowsight.report.claims.questions import Place
from shallowsight.study.layers import PAPER_GROUPS

PLACES: tuple[Place, ...] = ("shallow", "middle", "deep")
_ENDS = tuple(zip(PLACES, (group.layers[-1] for group in PAPER_GROUPS), strict=True))
_WHOLE = PAPER_GROUPS[-1].layers[-1]


def place_of(layer: int, depth: int) -> Place:
    """Where layer 1..depth lies: shallow up to half of the depth, middle up to five sixths, then deep."""
    return next(place for place, end in _ENDS if layer * _WHOLE <= end * depth)


def layers_of(place: Place, depth: int) -> tuple[int, ...]:
    """All layers of a place; none in a tower that is too shallow."""
    return tuple(layer for layer in range(1, depth + 1) if place_of(layer, depth) == place)
