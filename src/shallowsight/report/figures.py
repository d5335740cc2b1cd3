"""The report's figures, drawn by the same code as PNG for the README and as inline SVG for the page.

In the SVG every colour becomes a CSS variable, so that one drawing fits the light and dark themes and print. Text in it
stays text.
"""

from collections.abc import Sequence
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from shallowsight.report.drawing import COLORS, LEGEND, STYLE, WHITE, png, small_multiples, svg
from shallowsight.report.findings import Findings
from shallowsight.report.group_words import real_groups
from shallowsight.report.scores import Category
from shallowsight.report.settings_figure import many
from shallowsight.report.values import Analysis, Group, Member, Study
from shallowsight.report.ways import name_of_others
from shallowsight.report.words import depth

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def curves_png(study: Study, findings: Findings) -> bytes:
    """All categories as small multiples."""
    panels = [(c.name, partial(draw_curve, study=study, category=c)) for c in findings.every]
    return small_multiples(panels, (3.9, 2.9), pad=16, legend=LEGEND, empty="no evaluated model yet")


def curve_svg(study: Study, category: Category) -> str:
    """The curve of one category for the page."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.35, 2.3), layout="constrained")
        draw_curve(figure.subplots(), study, category)
        return svg(figure, f"Accuracy over layers, {category.name}")


def similarity_png(study: Study) -> bytes:
    """Both maps side by side; a note when there is no analysis."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 3.9), layout="constrained")
        if study.analysis is None:
            figure.text(0.5, 0.5, "no layer analysis in this study", ha="center", color=COLORS["muted"])
            return png(figure)
        left, right = figure.subplots(1, 2)
        for axes, (name, matrix) in zip((left, right), maps(study.analysis), strict=True):
            axes.set_title(name, loc="left", fontsize=11, fontweight="bold", pad=16)
            draw_similarity(axes, study.analysis, matrix)
        return png(figure)


def similarity_svg(analysis: Analysis, name: str, matrix: Sequence[Sequence[float]]) -> str:
    """One similarity map for the page."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.3, 3.7), layout="constrained")
        draw_similarity(figure.subplots(), analysis, matrix)
        return svg(figure, f"Similarity of layers, {name}")


def maps(analysis: Analysis) -> tuple[tuple[str, Sequence[Sequence[float]]], ...]:
    """The similarity matrices with their names."""
    return ("cosine", analysis.cosine), ("CKA", analysis.cka)


def draw_curve(axes: "Axes", study: Study, category: Category) -> None:
    """Accuracy in percent over layers: mean line, every seed a point, 95 % bars of the mean for other trainings."""
    layers = depth(study)
    singles = sorted((m for m in study.members if m.single and m.setting in category.scores), key=lambda m: m.layers)
    fusions = [m for m in study.members if not m.single and m.setting in category.scores]
    if many(study):
        fusions = [max(fusions, key=lambda m: category.scores[m.setting].accuracy)] if fusions else []
    shade(axes, real_groups(study.analysis))
    if category.chance is not None:
        axes.axhline(100 * category.chance, color=COLORS["muted"], lw=1, ls=(0, (1, 2.5)), zorder=1)
    means = [100 * category.scores[m.setting].accuracy for m in singles]
    axes.plot([m.layers[0] for m in singles], means, color=COLORS["layer"], lw=1.8, zorder=3)
    for member in singles:
        _point(axes, category, member, member.layers[0], "layer", "o")
    for place, member in enumerate(fusions):
        at = layers + 1.3 + place
        value = 100 * category.scores[member.setting].accuracy
        if member.setting == max(fusions, key=lambda m: category.scores[m.setting].accuracy).setting:
            axes.plot([0.5, at], [value, value], color=COLORS["fusion"], lw=1, ls=(0, (5, 3)), alpha=0.75, zorder=2)
        _point(axes, category, member, at, "fusion", "D")
    best = category.best(tuple(singles))
    if best is not None:
        at = study.member(best.setting).layers[0]
        axes.plot(at, 100 * best.accuracy, "o", ms=13, mfc="none", mec=COLORS["layer"], mew=1.4, zorder=5)
    shown = [v for m in (*singles, *fusions) for v in _extent(category, m)]
    shown += [100 * category.chance] if category.chance is not None else []
    low, high = min(shown), max(shown)
    margin = 0.13 * max(high - low, 20)
    axes.set_ylim(max(low - margin, -2), min(high + margin, 104))
    axes.set_xlim(0.5, layers + 0.5 + (1.2 + len(fusions) if fusions else 0))
    step = max(1, ceil(layers / 12))
    ticks = [i for i in range(1, layers + 1) if (layers - i) % step == 0]
    axes.set_xticks([*ticks, *(layers + 1.3 + i for i in range(len(fusions)))])
    axes.set_xticklabels([*map(str, ticks), *(_short(study, len(fusions)) for _ in fusions)])
    for tick in axes.get_xticklabels()[len(ticks) :]:
        tick.set_color(COLORS["fusion"])
    axes.tick_params(length=3, labelsize=8)
    axes.yaxis.set_major_locator(_locator())
    axes.yaxis.set_major_formatter("{x:.0f}%")
    axes.grid(axis="y", color=COLORS["rule"], lw=0.6, alpha=0.7)
    axes.set_axisbelow(True)
    if category.chance is not None:
        axes.text(0.65, 100 * category.chance, "chance", fontsize=7, color=COLORS["muted"], va="bottom")


def draw_similarity(axes: "Axes", analysis: Analysis, matrix: Sequence[Sequence[float]]) -> None:
    """A matrix over layers with the groups framed."""
    from matplotlib.patches import Rectangle

    first, last = analysis.layers[0] - 0.5, analysis.layers[-1] + 0.5
    image = axes.imshow(matrix, cmap="cividis", vmax=1, extent=(first, last, last, first), interpolation="nearest")
    for group in real_groups(analysis):
        start, size = group.layers[0] - 0.5, len(group.layers)
        inner = (start + 0.07, start + 0.07), size - 0.14, size - 0.14
        axes.add_patch(Rectangle(*inner, fill=False, ec=WHITE, lw=2, zorder=3))
        axes.text(
            start + size / 2, first - 0.15, group.name, ha="center", va="bottom", fontsize=8, color=COLORS["muted"]
        )
    step = max(1, ceil(len(analysis.layers) / 12))
    axes.set_xticks(analysis.layers[::step])
    axes.set_yticks(analysis.layers[::step])
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8)


def _point(axes: "Axes", category: Category, member: Member, at: float, color: str, marker: str) -> None:
    score = category.scores[member.setting]
    values = [100 * v for v in score.seeds.values()]
    if half := 100 * (score.half or 0.0):
        axes.errorbar(at, 100 * score.accuracy, half, color=COLORS[color], lw=1.2, capsize=2.5, capthick=1.2, zorder=3)
    beside = [at + 0.38] * len(values)  # beside the mean, so that its marker does not hide the seeds
    axes.plot(beside, values, marker, ms=3, mfc="none", mec=COLORS[color], mew=0.9, alpha=0.8, zorder=4)
    axes.plot(at, 100 * score.accuracy, marker, ms=5.5, color=COLORS[color], mec=COLORS["paper"], mew=1, zorder=4)


def _extent(category: Category, member: Member) -> list[float]:
    score = category.scores[member.setting]
    half = 100 * (score.half or 0.0)
    return [100 * score.accuracy - half, 100 * score.accuracy + half, *(100 * v for v in score.seeds.values())]


def shade(axes: "Axes", groups: Sequence[Group]) -> None:
    """Shade every other group over layers, and name each above the axes."""
    for place, group in enumerate(groups):
        if place % 2 == 0:
            axes.axvspan(group.layers[0] - 0.5, group.layers[-1] + 0.5, color=COLORS["band"], lw=0, zorder=0)
        middle = (group.layers[0] + group.layers[-1]) / 2
        axes.text(
            middle,
            1.02,
            group.name,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="bottom",
            fontsize=8,
            color=COLORS["muted"],
        )


def _short(study: Study, others: int) -> str:
    if many(study):
        return "best"
    return name_of_others(study.members).split()[0] if others == 1 else "f"


def _locator() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5, integer=True)
