"""`shallowsight compare`: two studies, what changed, and whether it is more than chance."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

Run = Annotated[
    str,
    typer.Option(metavar="RUN", help="Of a bucket that several runs have used: which one; the last when left out."),
]


@app.command()
def compare(
    before: Annotated[str, typer.Argument(metavar="STORE", help="Study folder, or s3://bucket/prefix.")],
    after: Annotated[
        str, typer.Argument(metavar="STORE", help="The one that is compared with it; may be the same bucket.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="A folder for compare.html, compare.md and compare.json; none when left out.")
    ] = None,
    run_before: Run = "",
    run_after: Run = "",
    fail_if_worse: Annotated[
        bool,
        typer.Option(
            "--fail-if-worse",
            help="Exit status 1 when the second study is worse in a comparison; 2 when no comparison has enough seeds.",
        ),
    ] = False,
) -> None:
    """Compare two studies: what changed in inputs and scores, and whether it is more than chance."""
    from rich.console import Console

    from shallowsight.cli.display import WIDTH
    from shallowsight.errors import ShallowsightError
    from shallowsight.report.compare.terminal import terminal_text
    from shallowsight.report.compare.values import Verdict
    from shallowsight.report.compare.words import require_compared, require_tested, where
    from shallowsight.report.compare.write import require_free, write_comparison
    from shallowsight.steps.comparing import compare_stores, open_run

    if out is not None:
        require_free(out)  # before stores are read, which may take long
    compared = compare_stores(open_run(before, run_before), open_run(after, run_after))
    require_compared(compared)
    console = Console(markup=False, emoji=False, highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    console.print(terminal_text(compared))
    if out is not None:
        typer.echo(f"page: {write_comparison(compared, out)}")
    worse = compared.having(Verdict.WORSE)
    if fail_if_worse and worse:
        raise ShallowsightError(f"--fail-if-worse: the second study is worse: {where(worse)}")
    if fail_if_worse:
        require_tested(compared)
