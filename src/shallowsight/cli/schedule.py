"""`shallowsight schedule`: run studies regularly, as a file of schedules says."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shallowsight.cli.server import Context, Host, Namespace, TokenFile, connect

if TYPE_CHECKING:  # not imported at run time, because `--help` must be quick
    from shallowsight.cluster.kubeflow.api import KfpApi
    from shallowsight.cluster.schedules.values import Schedules

File = Annotated[Path, typer.Argument(metavar="FILE", help="schedules.yaml")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change; change nothing.")]
Prune = Annotated[bool, typer.Option("--prune", help="Also delete schedules that the file no longer lists.")]

_DIFFERENT = 5  # the exit status for differences, which no failure has

app = typer.Typer(help="Studies that run regularly, as a file says.", no_args_is_help=True)


@app.command()
def apply(
    file: File,
    dry_run: DryRun = False,
    prune: Prune = False,
    host: Host = None,
    namespace: Namespace = None,
    context: Context = None,
    token_file: TokenFile = None,
) -> None:
    """Make the server's schedules equal to the file's. A second apply of the same file changes nothing."""
    from shallowsight.cluster.schedules.apply import carry_out, changes_for, require_applied
    from shallowsight.cluster.schedules.table import lines_of

    schedules = _checked(file)
    api = _connect(schedules, host, namespace, context, token_file)
    changes = changes_for(schedules, api, prune=prune)
    for line in lines_of(changes):
        typer.echo(line)
    if not dry_run:
        carry_out(changes, api, typer.echo)
        require_applied(schedules, api, prune=prune)


@app.command()
def diff(
    file: File,
    prune: Prune = False,
    host: Host = None,
    namespace: Namespace = None,
    context: Context = None,
    token_file: TokenFile = None,
) -> None:
    """Show what apply would change. Exit status 0: nothing, 5: something."""
    from shallowsight.cluster.schedules.apply import changes_for
    from shallowsight.cluster.schedules.table import lines_of

    schedules = _checked(file)
    api = _connect(schedules, host, namespace, context, token_file)
    changes = changes_for(schedules, api, prune=prune)
    for line in lines_of(changes):
        typer.echo(line)
    if any(change.is_one for change in changes):
        raise typer.Exit(_DIFFERENT)


@app.command(name="list")
def list_schedules(
    file: File,
    host: Host = None,
    namespace: Namespace = None,
    context: Context = None,
    token_file: TokenFile = None,
) -> None:
    """List the schedules on the server that belong to files of this name."""
    from shallowsight.cluster.schedules.apply import existing
    from shallowsight.cluster.schedules.table import lines_of_existing
    from shallowsight.cluster.schedules.values import read_schedules

    schedules = read_schedules(file)
    api = _connect(schedules, host, namespace, context, token_file)
    for line in lines_of_existing(existing(schedules, api)):
        typer.echo(line)


@app.command()
def delete(
    file: File,
    dry_run: DryRun = False,
    prune: Prune = False,
    host: Host = None,
    namespace: Namespace = None,
    context: Context = None,
    token_file: TokenFile = None,
) -> None:
    """Delete the schedules that the file lists. Runs that they have started go on."""
    from shallowsight.cluster.schedules.apply import carry_out, deletions
    from shallowsight.cluster.schedules.table import lines_of
    from shallowsight.cluster.schedules.values import read_schedules

    schedules = read_schedules(file)
    api = _connect(schedules, host, namespace, context, token_file)
    changes = deletions(schedules, api, prune=prune)
    for line in lines_of(changes):
        typer.echo(line)
    if not dry_run:
        carry_out(changes, api, typer.echo)


def _checked(file: Path) -> "Schedules":
    """Read a file, and check names, keys, layers and batch sizes before a request is sent to a server."""
    from shallowsight.cluster.schedules.apply import wanted_by
    from shallowsight.cluster.schedules.values import read_schedules

    schedules = read_schedules(file)
    wanted_by(schedules)
    return schedules


def _connect(
    schedules: "Schedules", host: str | None, namespace: str | None, context: str | None, token_file: Path | None
) -> "KfpApi":
    own_host = None if context else schedules.host
    return connect(host or own_host, namespace or schedules.namespace, context, token_file)
