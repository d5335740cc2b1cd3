"""`shallowsight track`: send a study's evaluations to a weave project."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def track(
    out: Annotated[str, typer.Option(help="Study folder, or s3://bucket/prefix, that has results.")],
) -> None:
    """Send the scores of a study to the weave project that SHALLOWSIGHT_WEAVE names. Sends nothing twice."""
    from shallowsight.steps.tracking import track_study
    from shallowsight.store.opening import open_named

    outcome = track_study(open_named(out))
    for name in outcome.sent:
        typer.echo(f"sent: {name}")
    for name in outcome.already_there:
        typer.echo(f"there already: {name}")
