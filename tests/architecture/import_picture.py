"""Draws the import table for docs/built.md: `python tests/architecture/import_picture.py`, with src on PYTHONPATH."""

from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from xml.sax.saxutils import escape

DOCS = Path(__file__).parents[2] / "docs"
PICTURE, PAGE = DOCS / "import-table.svg", DOCS / "built.md"
BEGIN, END = (
    "<!-- import table: written by tests/architecture/import_picture.py -->",
    "<!-- end of the import table -->",
)
_CELL, _GAP, _LETTER = 22, 8, 7.0  # pixels: a square, space around the names, the width of a letter

Table = Mapping[str, Set[str]]


def picture(table: Table) -> str:
    """An SVG matrix: the unit of a row may import the units whose columns are filled."""
    margin = _GAP * 2 + _LETTER * max(map(len, table))
    size = f"{margin + _CELL * len(table) + _GAP:.0f}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="{size}" height="{size}" '
        'font-family="monospace" font-size="12">',
        "<title>Which package may import which</title>",
        f'<rect width="{size}" height="{size}" fill="#ffffff"/>',
        *_names(list(table), margin),
        *_squares(table, margin),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _names(units: list[str], margin: float) -> Iterator[str]:
    for number, unit in enumerate(units):
        middle = margin + _CELL * (number + 0.5)
        name, along = escape(unit), f"{margin - _GAP:.1f}"
        yield f'<text x="{along}" y="{middle + 4:.1f}" text-anchor="end">{name}</text>'
        yield f'<text transform="translate({middle + 4:.1f} {along}) rotate(-90)">{name}</text>'


def _squares(table: Table, margin: float) -> Iterator[str]:
    for row, (unit, allowed) in enumerate(table.items()):
        for column, other in enumerate(table):
            x, y = margin + _CELL * column, margin + _CELL * row
            fill = "#8a8a8a" if unit == other else "#3f51b5" if other in allowed else "#f0f0f0"
            yield (
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{_CELL - 2}" height="{_CELL - 2}" fill="{fill}">'
                f"<title>{escape(_said(unit, other, allowed))}</title></rect>"
            )


def _said(unit: str, other: str, allowed: Set[str]) -> str:
    if unit == other:
        return unit
    return f"{unit} may {'' if other in allowed else 'not '}import {other}"


def text(table: Table) -> str:
    """The same in words, between the two marks of the page."""
    rows = [f"| `{unit}` | {_listed(table, allowed)} |" for unit, allowed in table.items()]
    return "\n".join([BEGIN, "", "| package | may import |", "|---|---|", *rows, "", END])


def _listed(table: Table, allowed: Set[str]) -> str:
    return ", ".join(f"`{other}`" for other in table if other in allowed) or "nothing of ours"


def with_text(page: str, table: Table) -> str:
    """The page with the words of this table."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + text(table) + after


if __name__ == "__main__":
    from test_import_direction import ALLOWED

    PICTURE.write_text(picture(ALLOWED), encoding="utf-8")
    PAGE.write_text(with_text(PAGE.read_text(encoding="utf-8"), ALLOWED), encoding="utf-8")
