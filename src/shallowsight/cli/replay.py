"""`shallowsight replay`: a published study's claims against its own numbers."""

from typing import TYPE_CHECKING, Annotated

import typer

from shallowsight.errors import ConfigurationError, ShallowsightError

if TYPE_CHECKING:  # not imported at run time, because `--help` must be quick
    from rich.table import Table

    from shallowsight.report.claims.replay import Replay

app = typer.Typer()

PAPER = "paper"
_WORDS = {True: "held", False: "NOT HELD", None: "no numbers"}


@app.command()
def replay(
    name: Annotated[str, typer.Argument(metavar="paper", help="The layer study, arXiv 2504.21447.")],
) -> None:
    """Check the layer study's claims by its own numbers; status 1 when one does not hold."""
    if name != PAPER:
        raise ConfigurationError(f"replay {name!r}: only `shallowsight replay {PAPER}` is there")
    from rich.console import Console

    from shallowsight.steps.replay_paper import replay_paper

    found = replay_paper()
    Console().print(_table(found))
    held = len(found.results) - len(found.broken) - len(found.unknown)
    typer.echo(
        f"{held} claims hold; {len(found.unknown)} rest on numbers that could not be read.\n"
        "One run of each layer: an ordering of numbers beyond the reading error, no tested difference."
    )
    if found.broken:
        lines = [f"  {claim.name}: {claim.says} Found: {result.found}" for claim, result in found.broken]
        raise ShallowsightError("\n".join([f"{len(lines)} claims of the paper do not hold in its numbers:", *lines]))


def _table(found: "Replay") -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_lines=False)
    for title in ("claim", "the paper says", "we find", ""):
        table.add_column(title, overflow="fold")
    for claim, result in found.results:
        table.add_row(*map(Text, (claim.name, f"{claim.says} ({claim.how})", result.found, _WORDS[result.held])))
    return table
