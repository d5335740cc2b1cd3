"""The comparison as a table for the terminal."""

from typing import TYPE_CHECKING

from shallowsight.evaluate.statistics.family import OVERALL
from shallowsight.report.compare.values import Compared, Difference, Verdict
from shallowsight.report.compare.words import headline, interval_of, points, questions_of, sentences, verdict_of

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

MOST = 40  # lines of a table that a person looks through
_INPUTS = 20  # changed inputs that are shown


def terminal_text(compared: Compared) -> "Group":
    """What changed, the differences, and what follows."""
    from rich.console import Group
    from rich.text import Text

    shown = _shown(compared.differences)
    left = len(compared.differences) - len(shown)
    said = [f"and {left} not distinguishable in single categories; --out DIR lists them"] if left else []
    # Text, because names of users are no markup.
    return Group(
        Text(f"from {compared.before.place} to {compared.after.place}"),
        *[Text(f"  {line}") for line in _inputs(compared)],
        Text(),
        _table(shown),
        Text("\n".join([*said, *[f"{names}: {says}" for names, says in questions_of(compared)], *compared.notes])),
        Text(f"\n{headline(compared)}", style="bold"),
        *[Text(f"  {sentence}") for sentence in sentences(compared)],
    )


def _inputs(compared: Compared) -> list[str]:
    lines = [f"{c.what}: {c.before} \N{RIGHTWARDS ARROW} {c.after}" for c in compared.inputs]
    more = len(lines) - _INPUTS
    return [*lines[:_INPUTS], *([f"and {more} more"] if more > 0 else [])] or ["the inputs are the same"]


def _shown(differences: tuple[Difference, ...]) -> list[Difference]:
    if len(differences) <= MOST:
        return list(differences)
    return [d for d in differences if d.category == OVERALL or d.verdict is not Verdict.NOT_DISTINGUISHABLE]


def _table(differences: list[Difference]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(pad_edge=False, box=None, padding=(0, 0, 0, 2))
    table.add_column("setting", overflow="fold")
    table.add_column("category", overflow="fold")
    for name in ("before", "after", "points", "95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")
    previous = ""
    for d in differences:
        label = "" if d.pair.label == previous else d.pair.label
        previous = d.pair.label
        cells = (label, d.category, points(d.before), points(d.after), points(d.gap, signed=True), interval_of(d))
        table.add_row(*map(Text, cells), Text(verdict_of(d)))
    return table
