"""`shallowsight benchmarks`: bring public benchmarks to a mirror, once and where a network is."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Public benchmarks: list them, and fetch their rows once.")


@app.command(name="list")
def list_benchmarks() -> None:
    """Every public benchmark, with its category and where its rows are."""
    from shallowsight.study.public_benchmarks import public_benchmarks

    for name, each in public_benchmarks().items():
        repository = each.source.repository if each.source else ""
        category = each.category if each.scored else "its server"
        typer.echo(f"{name:15} {category:15} {each.says} ({repository})")
    typer.echo(f"{'lmms:TASK':15} {'TASK':15} any other task of lmms-eval")


@app.command()
def fetch(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Benchmarks, or `all` for every one of the list.")
    ],
    to: Annotated[str, typer.Option(metavar="PLACE", help="The mirror: a folder, or s3://bucket/prefix.")],
    revision: Annotated[
        str | None, typer.Option(help="A commit of the repository; of one benchmark. The newest one when left out.")
    ] = None,
) -> None:
    """Bring the rows of benchmarks from the hub into a mirror, for `data.benchmarks` of a study."""
    from shallowsight.steps.fetch_benchmarks import fetch_benchmarks

    for line in fetch_benchmarks(names, to, revision):
        typer.echo(line)
