"""The figure of studies that compare many fusions or connectors: a row for each setting, a panel for each category."""

from math import ceil
from typing import TYPE_CHECKING

from shallowsight.report.drawing import COLORS, STYLE, png, svg
from shallowsight.report.findings import Findings
from shallowsight.report.scores import Category
from shallowsight.report.values import Member, Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MANY = 4  # settings that are no single layers; with more of them the curves over layers show only the highest one
_ROW, _COLUMN = 0.27, 2.3  # inches
_MOST_COLUMNS = 4
_LEGEND = "accuracy in %   |   filled: mean over seeds, open: each seed, bars: 95 % from training noise"


def many(study: Study) -> bool:
    """Whether a study has so many fusions and connectors that they need a figure of their own."""
    return sum(not m.single for m in study.members) > MANY


def wanted(study: Study, findings: Findings) -> bool:
    """Whether there is such a figure: the study has many fusions and connectors, and results."""
    return many(study) and bool(findings.every)


def settings_png(study: Study, findings: Findings) -> bytes:
    """All settings in all categories."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        return png(_drawn(study, findings))


def settings_svg(study: Study, findings: Findings) -> str:
    """The figure for the page."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        return svg(_drawn(study, findings), "Accuracy of every setting, by category")


def _drawn(study: Study, findings: Findings) -> "Figure":
    from matplotlib.figure import Figure

    members = [m for m in study.members if any(m.setting in c.scores for c in findings.every)]
    columns = min(_MOST_COLUMNS, len(findings.every))
    rows = ceil(len(findings.every) / columns)
    size = (2.2 + _COLUMN * columns, 0.5 + rows * (0.5 + _ROW * len(members)))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    figure.supxlabel(_LEGEND, fontsize=8.5, color=COLORS["muted"])
    for axes in panels.ravel()[len(findings.every) :]:
        axes.set_axis_off()
    for axes, category in zip(panels.ravel(), findings.every, strict=False):
        axes.set_title(category.name, loc="left", fontsize=10, fontweight="bold")
        _draw(axes, members, category)
    for axes in panels[:, 0]:
        axes.set_yticks(range(len(members)), [m.setting for m in members], color=COLORS["ink"])
    return figure


def _draw(axes: "Axes", members: list[Member], category: Category) -> None:
    for row, member in enumerate(members):
        if (score := category.scores.get(member.setting)) is None:
            continue
        color = COLORS["layer" if member.single else "fusion"]
        if half := 100 * (score.half or 0.0):
            axes.errorbar(100 * score.accuracy, row, xerr=half, color=color, lw=1.1, capsize=2, zorder=3)
        axes.plot([100 * v for v in score.seeds.values()], [row + 0.25] * len(score.seeds), "o", ms=2.6, mfc="none",
                  mec=color, mew=0.8, alpha=0.8, zorder=4)  # fmt: skip
        axes.plot(100 * score.accuracy, row, "o" if member.single else "D", ms=4.5, color=color, zorder=4)
    if category.chance is not None:
        axes.axvline(100 * category.chance, color=COLORS["muted"], lw=1, ls=(0, (1, 2.5)), zorder=1)
    axes.set_ylim(len(members) - 0.5, -0.6)
    axes.tick_params(length=0, labelsize=8)
    axes.grid(axis="both", color=COLORS["rule"], lw=0.5, alpha=0.7)
    axes.set_axisbelow(True)
