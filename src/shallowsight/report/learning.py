"""The figure of the learning curves: right answers to held-out training questions over the length of the training."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from shallowsight.report.curves import LearningCurve
from shallowsight.report.drawing import COLORS, STYLE, small_multiples, svg
from shallowsight.report.findings import Findings
from shallowsight.report.short_names import short_names
from shallowsight.report.values import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_APART = 5.0  # percent between two labels, so that they do not overlap
_LEGEND = "share of the training   |   blue: single layers, the deeper the darker; red: others; mean over seeds"


def learning_png(study: Study, findings: Findings) -> bytes:
    """All categories as small multiples; a note when nothing was measured."""
    found = findings.curves.found.values()
    panels = [
        (name, partial(_draw, study=study, curves=[c for c in found if c.category == name]))
        for name in _categories(findings)
    ]
    nothing = "no training was measured on held-out questions"
    return small_multiples(panels, (3.9, 2.9), legend=_LEGEND, empty=nothing)


def learning_svgs(study: Study, findings: Findings) -> list[tuple[str, str]]:
    """The curves of every category for the page, with its name."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    found = []
    for name in _categories(findings):
        with mpl.rc_context(STYLE):
            figure = Figure(figsize=(3.35, 2.3), layout="constrained")
            _draw(figure.subplots(), study, [c for c in findings.curves.found.values() if c.category == name])
            found.append((name, svg(figure, f"Right answers to held-out training questions, {name}")))
    return found


def _categories(findings: Findings) -> list[str]:
    measured = {c.category for c in findings.curves.found.values()}
    return [c.name for c in findings.every if c.name in measured]


def _draw(axes: "Axes", study: Study, curves: Sequence[LearningCurve]) -> None:
    deepest = max((m.layers[-1] for m in study.members), default=1)
    names = short_names(study.members)
    ends = []
    for curve in curves:
        member = study.member(curve.setting)
        color = COLORS["layer"] if member.single else COLORS["fusion"]
        shade = 0.35 + 0.65 * member.layers[-1] / deepest if member.single else 1.0
        shares, right = [100 * s for s in curve.shares], [100 * x for x in curve.exact]
        axes.plot(shares, right, color=color, alpha=shade, lw=1.5, marker="o", ms=2.5)
        ends.append((right[-1], names[curve.setting], color))
    for at, (end, text, color) in zip(_spread([e[0] for e in sorted(ends)]), sorted(ends), strict=True):
        axes.plot((100, 106), (end, at), color=color, lw=0.5, clip_on=False)
        axes.text(107, at, text, fontsize=7, color=color, va="center")  # beside the panel, which makes room for it
    axes.set_xlim(-2, 102)
    axes.set_ylim(-3, 106)
    axes.xaxis.set_major_formatter("{x:.0f}%")
    axes.yaxis.set_major_formatter("{x:.0f}%")
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.tick_params(length=3, labelsize=8)
    axes.grid(axis="y", color=COLORS["rule"], lw=0.6, alpha=0.7)
    axes.set_axisbelow(True)


def _spread(heights: Sequence[float]) -> list[float]:
    """The heights, in order, moved apart for labels."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + _APART) if placed else height)
    over = max(placed[-1] - 103, 0.0) if placed else 0.0
    return [p - over for p in placed]
