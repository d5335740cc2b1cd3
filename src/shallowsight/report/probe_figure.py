"""The figure of the probes: accuracy of every layer's probe, beside that of the layers that were trained."""

from collections.abc import Sequence
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from shallowsight.report.drawing import COLORS, STYLE, small_multiples, svg
from shallowsight.report.probes import Agreement, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEGEND = (
    "layer of the vision tower   |   green line: probe of the layer alone, bars: twice its error; blue points: trained "
    "model, mean over seeds; dotted: a probe without the picture"
)


def probes_png(found: Sequence[Agreement]) -> bytes:
    """All categories as small multiples."""
    panels = [(f"{each.category}\n{sentence(each)}", partial(_draw, agreement=each)) for each in found]
    return small_multiples(panels, (3.9, 2.9), title=7.5, legend=_LEGEND)


def probes_svg(agreement: Agreement) -> str:
    """The panel of one category for the page."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.35, 2.3), layout="constrained")
        _draw(figure.subplots(), agreement)
        return svg(figure, f"Accuracy of probes over layers, {agreement.category}")


def _draw(axes: "Axes", agreement: Agreement) -> None:
    layers = sorted(agreement.probed)
    means = [100 * agreement.probed[layer].accuracy for layer in layers]
    bars = [200 * max(agreement.probed[layer].error, agreement.probed[layer].sd) for layer in layers]
    axes.axhline(100 * agreement.without_picture, color=COLORS["muted"], lw=1, ls=(0, (1, 2.5)), zorder=1)
    axes.errorbar(layers, means, bars, color=COLORS["probe"], lw=1.5, elinewidth=0.8, marker="s", ms=3, zorder=2)
    trained = sorted(agreement.trained)
    axes.plot(
        trained,
        [100 * agreement.trained[layer] for layer in trained],
        "o",
        ms=5.5,
        color=COLORS["layer"],
        mec=COLORS["paper"],
        zorder=3,
    )
    step = max(1, ceil(len(layers) / 12))
    axes.set_xticks([layer for layer in layers if (layers[-1] - layer) % step == 0])
    axes.set_xlim(layers[0] - 0.5, layers[-1] + 0.5)
    axes.yaxis.set_major_formatter("{x:.0f}%")
    axes.tick_params(length=3, labelsize=8)
    axes.grid(axis="y", color=COLORS["rule"], lw=0.6, alpha=0.7)
    axes.set_axisbelow(True)
