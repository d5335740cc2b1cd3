"""The command line: parsing only. Exit status 0 done, 1 failed, 2 wrong usage, 3 data refused, 4 interrupted."""

import logging
import sys
from typing import Annotated

import typer

from shallowsight.cli.benchmarks import app as benchmarks_app
from shallowsight.cli.cluster import app as cluster_app
from shallowsight.cli.compare import app as compare_app
from shallowsight.cli.lab import app as lab_app
from shallowsight.cli.replay import app as replay_app
from shallowsight.cli.steps import app as steps_app
from shallowsight.cli.track import app as track_app
from shallowsight.cli.use import app as use_app
from shallowsight.errors import ConfigurationError, Interrupted, ShallowsightError

_CTRL_C = 130  # typer's exit status after Ctrl-C

app = typer.Typer(
    help="Find the layers of a vision transformer that a multimodal LLM should look at.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value; may be given often.")
]
Out = Annotated[str | None, typer.Option(help="Study folder, or s3://bucket/prefix; runs/NAME when left out.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show cells, what is done, and the cost; run nothing.")]
Gpus = Annotated[int, typer.Option(help="Training processes, one for each GPU; 0 is one process.", min=0)]
Budget = Annotated[
    float | None,
    typer.Option(
        metavar="HOURS",
        help="Stop cleanly after so many hours of this command (GPU-hours with --gpus: hours times GPUs), and do not "
        "start when even the low forecast needs more.",
        min=0.0,
    ),
]


@app.command()
def study(
    name: Annotated[
        str, typer.Argument(metavar="NAME_OR_FILE", help="A named study, or a YAML file with base: and set:.")
    ],
    overrides: Overrides = None,
    out: Out = None,
    dry_run: DryRun = False,
    gpus: Gpus = 0,
    budget: Budget = None,
) -> None:
    """Run a study: many layer settings, several seeds, one report. Run the same command again to continue."""
    from shallowsight.cli.session import run

    run("study", name, overrides or [], out, dry_run=dry_run, gpus=gpus, hours=_or_unlimited(budget))


@app.command(name="run")
def run_experiment(
    name: Annotated[str, typer.Argument(metavar="NAME_OR_FILE", help="A named experiment, or a YAML file.")],
    overrides: Overrides = None,
    out: Out = None,
    dry_run: DryRun = False,
    gpus: Gpus = 0,
    budget: Budget = None,
) -> None:
    """Run one experiment: train and evaluate one layer setting."""
    from shallowsight.cli.session import run

    run("experiment", name, overrides or [], out, dry_run=dry_run, gpus=gpus, hours=_or_unlimited(budget))


@app.command()
def forecast(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME_OR_FILE", help="A named study, or a YAML file; weights and data may be absent."),
    ],
    overrides: Overrides = None,
    device: Annotated[str, typer.Option(help="A100-80G, A100-40G, H100, or cpu for this machine.")] = "A100-80G",
    gpus: Annotated[int, typer.Option(help="How many of these devices train one model.", min=1)] = 4,
    one: Annotated[
        bool, typer.Option("--experiment", help="NAME_OR_FILE is one experiment, as `shallowsight run` takes it.")
    ] = False,
) -> None:
    """Operations, memory, storage and hours of a study on some GPUs, before anything is downloaded."""
    from shallowsight.cli.forecast import forecast

    forecast(name, overrides or [], device, gpus, one=one)


@app.command(name="list")
def list_names() -> None:
    """The named studies and experiments, the benchmarks, and the parts of settings with their sources."""
    from shallowsight.cli.names import print_names

    print_names()


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME_OR_FILE", help="A named study, or a YAML file.")],
    overrides: Overrides = None,
) -> None:
    """Every key of a study with its value, as YAML."""
    import yaml

    from shallowsight.model.tower.facts import depth_of
    from shallowsight.study.overrides import load_study

    found = load_study(name, overrides or [], depth_of)
    typer.echo(yaml.safe_dump(found.model_dump(mode="json"), sort_keys=False), nl=False)


def _or_unlimited(hours: float | None) -> float:
    return float("inf") if hours is None else hours


app.add_typer(lab_app, rich_help_panel="Look at a tower without a study")
app.add_typer(benchmarks_app, name="benchmarks")
app.add_typer(cluster_app, rich_help_panel="On a cluster")
app.add_typer(steps_app, rich_help_panel="One step at a time")
app.add_typer(compare_app)
app.add_typer(track_app)
app.add_typer(replay_app)
app.add_typer(use_app, rich_help_panel="A trained model")


def main() -> None:
    """Entry point: a user's mistake is one line and a status, never a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    status: int | None = None  # set by typer's Exit and by Ctrl-C
    try:
        status = app(standalone_mode=False, prog_name="shallowsight")
    except typer.Abort:
        status = _CTRL_C
    except ShallowsightError as error:
        _end(str(error), error.exit_status)
    except OSError as error:  # no space, no permission, a file where a folder should be
        _end(str(error), ShallowsightError.exit_status)
    except Exception as error:
        if hasattr(error, "format_message"):  # an error of click: unknown option, missing argument
            if not error.format_message():  # no command: the help has been printed
                sys.exit(ConfigurationError.exit_status)
            # The command that had the wrong arguments.
            command = error.ctx.command_path if hasattr(error, "ctx") and error.ctx else "shallowsight"
            _end(f"{error.format_message()} (see {command} --help)", ConfigurationError.exit_status)
        raise
    if status == _CTRL_C:
        _end("stopped", Interrupted.exit_status)
    sys.exit(status)


def _end(message: str, status: int) -> None:
    typer.echo(f"shallowsight: {message}", err=True)
    sys.exit(status)
