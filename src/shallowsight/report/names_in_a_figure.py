"""Names beside the points of a panel, where there is room for them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

Point = tuple[float, float]
Line = tuple[Point, Point]  # upright or level
NamedPoint = tuple[str, Point, str]  # a name, the point, a colour
_AROUND = (  # where a name may stand: points right and up, and its alignment
    (6, 0, "left", "center"),
    (-6, 0, "right", "center"),
    (0, 6, "center", "bottom"),
    (0, -6, "center", "top"),
    (5, 5, "left", "bottom"),
    (-5, 5, "right", "bottom"),
    (5, -5, "left", "top"),
    (-5, -5, "right", "top"),
)
_MARKER, _STROKE = 4.0, 0.5  # points around a point and around a line that no name may cover


def name_points(axes: "Axes", points: Sequence[NamedPoint], lines: Sequence[Line]) -> list[str]:
    """Write each name where it covers no point, line or other name; returns those that were written, in their order.

    The figure must have been laid out. A name that fits nowhere is left out, so the important ones come first.
    """
    taken = [_around(axes, point, point, _MARKER) for _, point, _ in points]
    taken += [_around(axes, *line, _STROKE) for line in lines]
    written = []
    for name, point, color in points:
        for right, up, across, along in _AROUND:
            text = axes.annotate(name, point, (right, up), textcoords="offset points", fontsize=7.5, color=color,
                                 ha=across, va=along)  # fmt: skip
            box = text.get_window_extent()
            if _inside(box, axes) and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                written.append(name)
                break
            text.remove()
    return written


def _around(axes: "Axes", start: Point, end: Point, margin: float) -> "Bbox":
    from matplotlib.transforms import Bbox

    figure = axes.get_figure()
    assert figure is not None
    (x0, y0), (x1, y1) = axes.transData.transform([start, end])
    by = margin * figure.dpi / 72
    return Bbox.from_extents(min(x0, x1) - by, min(y0, y1) - by, max(x0, x1) + by, max(y0, y1) + by)


def _inside(box: "Bbox", axes: "Axes") -> bool:
    room = axes.get_window_extent()
    return bool(room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 and box.y1 <= room.y1)
