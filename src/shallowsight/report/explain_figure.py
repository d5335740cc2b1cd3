"""What layers see in a picture, drawn beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from shallowsight.report.drawing import COLORS, STYLE, png

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from PIL import Image

_MOST_COLUMNS = 7


@dataclass(frozen=True)
class Panel:
    """One layer: colours [G, G, 3] from 0 to 1, and the cosine [G, G] to the chosen patch or None."""

    layer: int
    colors: "npt.NDArray[np.float64]"
    explained: float
    likeness: "npt.NDArray[np.float64] | None"


def explain_png(picture: "Image.Image", panels: Sequence[Panel], point: tuple[int, int] | None) -> bytes:
    """The picture, and every layer in the picture's own proportions; `point` in pixels of the picture."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        blocks = ceil((len(panels) + 1) / _MOST_COLUMNS)
        columns = ceil((len(panels) + 1) / blocks)
        rows = blocks * (1 if point is None else 2)
        width = 2.3
        height = width * min(max(picture.height / picture.width, 0.4), 2.5) + 0.32
        figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.ravel():
            axes.set_axis_off()
        _draw_picture(grid[0, 0], picture, point)
        for number, panel in enumerate(panels, start=1):
            block, column = divmod(number, columns)
            row = block * (1 if point is None else 2)
            _draw_colors(grid[row, column], picture, panel)
            if panel.likeness is not None and point is not None:
                _draw_likeness(grid[row + 1, column], picture, panel.likeness, point)
        if point is not None:
            _say(grid[1, 0])
        return png(figure)


def _draw_picture(axes: "Axes", picture: "Image.Image", point: tuple[int, int] | None) -> None:
    axes.imshow(picture)
    axes.set_title("picture", loc="left", fontsize=9, color=COLORS["muted"])
    if point is not None:
        _mark(axes, point)


def _draw_colors(axes: "Axes", picture: "Image.Image", panel: Panel) -> None:
    axes.imshow(panel.colors, extent=(0, picture.width, picture.height, 0), interpolation="nearest")
    axes.set_title(f"layer {panel.layer}", loc="left", fontsize=9, fontweight="bold")
    axes.set_title(f"{100 * panel.explained:.0f} %", loc="right", fontsize=8, color=COLORS["muted"])


def _draw_likeness(
    axes: "Axes", picture: "Image.Image", likeness: "npt.NDArray[np.float64]", point: tuple[int, int]
) -> None:
    # The marked patch itself has 1, which would leave no contrast for the others.
    low, high = float(likeness.min()), sorted(likeness.ravel())[-2]
    extent = (0, picture.width, picture.height, 0)
    axes.imshow(likeness, extent=extent, interpolation="nearest", cmap="magma", vmin=low, vmax=high)
    axes.set_title(f"cosine {low:.2f} to {high:.2f}", loc="left", fontsize=8, color=COLORS["muted"])
    _mark(axes, point)


def _mark(axes: "Axes", point: tuple[int, int]) -> None:
    axes.plot(*point, "o", ms=6, mfc="none", mec="white", mew=2.4)
    axes.plot(*point, "o", ms=6, mfc="none", mec=COLORS["ink"], mew=1.0)


def _say(axes: "Axes") -> None:
    said = "above: the three main\ndirections of a layer's\npatches as colours, and\ntheir share of the variance\n\n"
    said += "right: the cosine of every\nother patch to the marked\none (bright: alike)"
    axes.text(0, 1, said, transform=axes.transAxes, va="top", fontsize=8, color=COLORS["muted"], linespacing=1.4)
