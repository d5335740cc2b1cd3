"""The figure of accuracy against cost: a panel for each kind of cost."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING

from shallowsight.report.drawing import COLORS, STYLE, png, svg
from shallowsight.report.names_in_a_figure import Line, Point, name_points
from shallowsight.report.pareto import Front, Pareto, Place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANEL = (4.0, 3.3)  # inches
_WIDE = 12.0  # the largest cost in parts of the smallest, from which the axis is logarithmic
_LEGEND = "accuracy in %, mean over seeds; bars: one standard error; line: no other setting is better and as cheap"


def pareto_png(found: Pareto) -> bytes:
    """All kinds of cost side by side."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        return png(_drawn(found))


def pareto_svg(found: Pareto) -> str:
    """The figure for the page."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        return svg(_drawn(found), f"Accuracy against cost, {found.category}")


def pareto_width(found: Pareto) -> float:
    """The width of the figure in inches."""
    return _PANEL[0] * len(found.fronts)


def _drawn(found: Pareto) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(pareto_width(found), _PANEL[1]), layout="constrained")
    panels = figure.subplots(1, len(found.fronts), squeeze=False, sharey=True)[0]
    figure.supxlabel(_LEGEND, fontsize=8.5, color=COLORS["muted"], wrap=True)
    for axes, front in zip(panels, found.fronts, strict=True):
        draw_costs(axes, found.places, front)
    figure.draw_without_rendering()  # from here on the places of points are known
    figure.set_layout_engine("none")
    for axes, front in zip(panels, found.fronts, strict=True):
        first = [*front.best, *(p for p in found.places if p not in front.best)]
        name_points(axes, [(p.name, _point(p, front), _color(p)) for p in first], _lines(found.places, front))
    return figure


def draw_costs(axes: "Axes", places: Sequence[Place], front: Front) -> None:
    """Every setting a point, and a line along the front."""
    from matplotlib.ticker import NullFormatter

    cost = {place.setting: front.cost.of(place) or 0.0 for place in places}
    best = front.best
    axes.step([cost[p.setting] for p in best], [100 * p.accuracy for p in best], where="post", lw=1.2,
              color=COLORS["muted"], zorder=1)  # fmt: skip
    for place in places:
        axes.errorbar(
            cost[place.setting], 100 * place.accuracy, _bar(place), color=_color(place), lw=1, zorder=2, alpha=0.7
        )
        filled = _color(place) if place in best else COLORS["paper"]
        axes.plot(cost[place.setting], 100 * place.accuracy, "o" if place.single else "D", ms=5.5, mfc=filled,
                  mec=_color(place), zorder=3)  # fmt: skip
    if min(cost.values()) > 0 and max(cost.values()) > _WIDE * min(cost.values()):
        axes.set_xscale("log", base=2)
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(0.14, 0.12)
    axes.set_title(front.cost.name, loc="left", fontsize=10, fontweight="bold")
    axes.xaxis.set_major_formatter(front.cost.unit)
    axes.yaxis.set_major_formatter("{x:.0f}%")
    axes.tick_params(length=3, labelsize=8, labelleft=True)
    axes.grid(axis="both", color=COLORS["rule"], lw=0.5, alpha=0.7)
    axes.set_axisbelow(True)


def _point(place: Place, front: Front) -> Point:
    return front.cost.of(place) or 0.0, 100 * place.accuracy


def _lines(places: Sequence[Place], front: Front) -> list[Line]:
    """The front, and the bars of all settings."""
    steps = list(pairwise(_point(place, front) for place in front.best))
    bars = [(x, y, _bar(place)) for place in places for x, y in [_point(place, front)]]
    return [
        *(((x0, y0), (x1, y0)) for (x0, y0), (x1, _) in steps),
        *(((x1, y0), (x1, y1)) for (_, y0), (x1, y1) in steps),
        *(((x, y - bar), (x, y + bar)) for x, y, bar in bars),
    ]


def _bar(place: Place) -> float:
    """The standard error in percent; nothing where it is not known."""
    return 100 * place.error if isfinite(place.error) else 0.0


def _color(place: Place) -> str:
    return COLORS["layer" if place.single else "fusion"]
