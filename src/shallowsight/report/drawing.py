"""Colours and style of the report's figures, and their conversion to PNG and inline SVG."""

import io
import re
from collections.abc import Callable, Sequence
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Panel = tuple[str, "Callable[[Axes], None]"]  # a title, and what draws below it

# The light theme; the page's style sheet has the dark values under the same names. No two colours may be equal,
# because `svg` replaces each colour by its name.
COLORS = {
    "paper": "#ffffff",
    "ink": "#1b2530",
    "muted": "#66717e",
    "rule": "#d5dbe2",
    "band": "#eef2f6",
    "layer": "#0072b2",  # Okabe-Ito blue
    "fusion": "#d55e00",  # Okabe-Ito vermillion
    "probe": "#009e73",  # Okabe-Ito green
}
LEGEND = (
    "layer of the vision tower (1 = first)   |   filled: mean over seeds, open: each seed, "
    "bars: 95 % from training noise, ring: best single layer, diamond: fusion"
)
WHITE = "#fffffe"  # for frames on the maps, which stay white in the dark theme, so not equal to "paper"
BLACK = "#000001"  # for numbers on the maps, which stay black in the dark theme
STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "text.parse_math": False,  # a name may hold a dollar sign
    "svg.fonttype": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": COLORS["rule"],
    "axes.labelcolor": COLORS["muted"],
    "xtick.color": COLORS["rule"],
    "ytick.color": COLORS["rule"],
    "xtick.labelcolor": COLORS["muted"],
    "ytick.labelcolor": COLORS["muted"],
    "text.color": COLORS["ink"],
}


def png(figure: "Figure") -> bytes:
    """The bytes of a PNG with the paper's colour behind the figure."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=160, facecolor=COLORS["paper"], metadata={"Software": None})
    return out.getvalue()


def small_multiples(
    panels: Sequence[Panel],
    size: tuple[float, float],
    *,
    pad: float | None = None,
    title: float = 11,
    legend: str = "",
    empty: str = "",
) -> bytes:
    """A PNG of panels, three in a row; the text `empty` where there is none.

    `size` is a panel's width and height in inches, `pad` the points between a title and its panel, `title` its points.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        columns = min(3, max(1, len(panels)))
        rows = max(1, ceil(len(panels) / columns))
        figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        if not panels:
            grid[0].text(0.5, 0.5, empty, ha="center", color=COLORS["muted"])
        if legend:
            figure.supxlabel(legend, fontsize=8.5, color=COLORS["muted"], wrap=True)
        for axes, (name, draw) in zip(grid, panels, strict=False):
            axes.set_title(name, loc="left", fontsize=title, fontweight="bold", pad=pad)
            draw(axes)
        return png(figure)


def svg(figure: "Figure", title: str) -> str:
    """Inline SVG: no metadata, no namespace addresses, no global style, CSS variables for colours."""
    from html import escape

    import matplotlib as mpl

    out = io.StringIO()
    nothing = {"Creator": None, "Date": None, "Format": None, "Type": None}
    with mpl.rc_context({"svg.hashsalt": title}):  # makes the ids of several figures on one page different
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'<style type="text/css">.*?</style>', "", text, flags=re.S)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"| (width|height)="[\d.]+pt"', "", text, count=4)
    text = re.sub(r"font-family: [^;\"]*;?", "", text)  # the page sets the font
    text = re.sub(
        r' id="(?!m[0-9a-f]{10}|p[0-9a-f]{10}|image)[^"]*"', "", text
    )  # only ids of markers, clips and images are referenced
    for name, value in COLORS.items():
        text = text.replace(value, f"var(--{name})")
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
