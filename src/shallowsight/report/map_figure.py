"""The figure of the map of categories over layers."""

from typing import TYPE_CHECKING

from shallowsight.report.drawing import BLACK, COLORS, STYLE, WHITE, png, svg
from shallowsight.report.layer_map import LayerMap, MapRow, Spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMN, _ROW, _BESIDE = 0.42, 0.4, 2.7  # inches; beside the map stand names and ranges
_PALE = 0.3  # the strength of a row that does not stand out from training noise
_DARK = 0.55  # of cividis: darker cells have white numbers
_LEGEND = "layer of the vision tower; 0: worst, 1: best of these layers; pale: not beyond training noise"


def map_png(found: LayerMap) -> bytes:
    """The whole map."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        return png(_drawn(found))


def map_svg(found: LayerMap) -> str:
    """The map for the page."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        return svg(_drawn(found), "Categories over layers, each between its worst and its best layer")


def map_width(found: LayerMap) -> float:
    """The width of the figure in inches."""
    return _BESIDE + _COLUMN * max(len(found.layers), 8)


def _drawn(found: LayerMap) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(map_width(found), 0.75 + _ROW * len(found.rows)), layout="constrained")
    draw_map(figure.subplots(), found)
    return figure


def draw_map(axes: "Axes", found: LayerMap) -> None:
    """A row for each category, a column for each layer; a layer without results is blank."""
    from matplotlib import colormaps

    scale = colormaps["cividis"]
    cells = [[_cell(row, layer, scale) for layer in found.layers] for row in found.rows]
    axes.imshow(cells, interpolation="nearest", aspect="auto")
    for y, row in enumerate(found.rows):
        for x, layer in enumerate(found.layers):
            if layer in row.values:
                value = row.values[layer]
                color = COLORS["ink"] if _is_pale(row) else WHITE if value < _DARK else BLACK
                axes.text(x, y, _short(value), ha="center", va="center", fontsize=8, color=color)
        beyond = "" if row.spread is Spread.BEYOND else f"\n{row.spread.removeprefix('training ')}"
        axes.text(len(found.layers) - 0.35, y, f"{100 * row.range:.1f} points{beyond}", va="center", fontsize=7.5,
                  linespacing=1.1, color=COLORS["muted"])  # fmt: skip
    axes.text(len(found.layers) - 0.35, -0.62, "best less worst", fontsize=7.5, color=COLORS["muted"], va="bottom")
    axes.set_xticks(range(len(found.layers)), list(map(str, found.layers)))
    axes.set_yticks(range(len(found.rows)), [row.category for row in found.rows], color=COLORS["ink"])
    axes.set_xlabel(_LEGEND, fontsize=8, loc="left")
    axes.set_xticks([x + 0.5 for x in range(len(found.layers) - 1)], minor=True)
    axes.set_yticks([y + 0.5 for y in range(len(found.rows) - 1)], minor=True)
    axes.grid(which="minor", color=COLORS["paper"], lw=1.5)
    axes.tick_params(which="both", length=0, labelsize=8.5)
    axes.spines[:].set_visible(False)


def _is_pale(row: MapRow) -> bool:
    return row.spread is not Spread.BEYOND


def _cell(row: MapRow, layer: int, scale: "object") -> tuple[float, float, float, float]:
    """Red, green, blue and strength."""
    if layer not in row.values:
        return 0.0, 0.0, 0.0, 0.0
    red, green, blue, _ = scale(row.values[layer])  # type: ignore[operator]
    return red, green, blue, _PALE if _is_pale(row) else 1.0


def _short(value: float) -> str:
    """`.42`, and 0 and 1 for the worst and the best."""
    return str(round(value)) if value in (0, 1) else f"{value:.2f}".removeprefix("0")
