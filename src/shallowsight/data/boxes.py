"""Boxes in a text, as LLaVA writes them: `[x1, y1, x2, y2]` from 0 to 1, left, top, right and bottom."""

import re

Box = tuple[float, float, float, float]

_NUMBER = r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*"
_BOX = re.compile(rf"\[{','.join([_NUMBER] * 4)}\]")


def only_box(text: str) -> Box | None:
    """The box in a text; None if it has no box or several, or one that is empty or not inside the picture."""
    found = list(_BOX.finditer(text))
    if len(found) != 1:
        return None
    x1, y1, x2, y2 = map(float, found[0].groups())
    return (x1, y1, x2, y2) if x1 < x2 <= 1 and y1 < y2 <= 1 else None


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, from 0 to 1."""
    shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return shared / (_area(a) + _area(b) - shared) if shared else 0.0


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
