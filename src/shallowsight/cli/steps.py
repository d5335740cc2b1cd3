"""One step at a time from the command line, for debugging: calls the same functions as the pipeline's steps."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:  # not imported at run time, because `--help` must be quick
    from shallowsight.store.store import Store
    from shallowsight.study.resolved import Resolved

Name = Annotated[str, typer.Argument(metavar="NAME_OR_FILE", help="A named study, or a YAML file with base: and set:.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value.")]
Out = Annotated[
    str, typer.Option(help="Study folder, or s3://bucket/prefix; the cells that the step reads must be there.")
]
SettingText = Annotated[str, typer.Option(help="For instance 8 or 3,8,12:concat.")]

app = typer.Typer()


@app.command()
def resolve(name: Name, out: Out, overrides: Overrides = None) -> None:
    """Resolve names, files and overrides into study.json."""
    resolved, _ = _open(name, overrides, out)
    typer.echo(f"{out.rstrip('/')}/study.json: {resolved.study.name}, tower {resolved.tower.name}")


@app.command()
def prepare_data(name: Name, out: Out, overrides: Overrides = None) -> None:
    """Check and pack the data."""
    from shallowsight import steps

    typer.echo(steps.prepare_data(*_open(name, overrides, out)))


@app.command()
def analyze_layers(name: Name, out: Out, overrides: Overrides = None) -> None:
    """Compare the tower's layers and find their groups."""
    from shallowsight import steps

    resolved, store = _open(name, overrides, out)
    typer.echo(steps.analyze_layers(resolved, store))
    typer.echo(", ".join(str(setting) for setting in steps.plan_members(resolved, store).members))


@app.command()
def encode_features(
    name: Name,
    out: Out,
    settings: Annotated[
        list[str], typer.Option("--setting", help="A setting whose layers to encode; may be given often.")
    ],
    overrides: Overrides = None,
) -> None:
    """Encode the pictures once for the layers of some settings."""
    from shallowsight import steps

    resolved, store = _open(name, overrides, out)
    for cell in steps.encode_features(resolved, settings, store):
        typer.echo(cell)


@app.command()
def probe_layers(name: Name, out: Out, overrides: Overrides = None) -> None:
    """Probe every layer with the study's questions, without a language model."""
    from shallowsight import steps

    cell = steps.probe_layers(*_open(name, overrides, out))
    typer.echo(cell or "this study has no probes; --set probes=true adds them")


@app.command()
def train_stage(
    name: Name,
    out: Out,
    setting: SettingText,
    stage: Annotated[Literal["pretrain", "finetune"], typer.Option(help="Which of the two stages.")],
    overrides: Overrides = None,
    processes: Annotated[
        int, typer.Option(help="Training processes under torchrun; 1 trains in this process.", min=1)
    ] = 1,
) -> None:
    """Train one stage of one setting, for every seed."""
    from shallowsight import steps

    resolved, store = _open(name, overrides, out)
    for cell in steps.train_stage(resolved, setting, stage, store, steps.Launch(gpus=processes)):
        typer.echo(cell)


@app.command()
def evaluate(name: Name, out: Out, setting: SettingText, overrides: Overrides = None) -> None:
    """Evaluate one finetuned setting, for every seed."""
    from shallowsight import steps

    resolved, store = _open(name, overrides, out)
    for cell in steps.evaluate(resolved, setting, store):
        typer.echo(cell)


@app.command()
def judge(name: Name, out: Out, setting: SettingText, overrides: Overrides = None) -> None:
    """Let a judge decide what no rule did in an evaluated setting, where the study has one."""
    from shallowsight import steps

    resolved, store = _open(name, overrides, out)
    for cell in steps.judge(resolved, setting, store):
        typer.echo(cell)


@app.command()
def report(out: Out) -> None:
    """Write the report again, over the finished cells."""
    from shallowsight import steps
    from shallowsight.store.opening import open_named

    typer.echo(steps.report(open_named(out)))


@app.command()
def next_seeds(out: Out) -> None:
    """Of a finished study with more_seeds: what is undecided, and the --set that gives the next seed."""
    from shallowsight import steps
    from shallowsight.cli.more_seeds import look_line
    from shallowsight.report.looks import added
    from shallowsight.store.opening import open_named

    found = steps.looks(open_named(out))
    typer.echo(look_line(found[-1]))
    if not found[-1].last:
        typer.echo(f'--set added="{" ".join(added(found))}"')


@app.command()
def next_rung(out: Out) -> None:
    """Of a halved study: which settings go on, and the --set that trains them further."""
    from shallowsight import steps
    from shallowsight.cli.halving import promotion_words, rung_line
    from shallowsight.store.opening import open_named

    rung = steps.next_rung(open_named(out))
    if rung is None:
        typer.echo("those that went on are trained to the end")
        return
    typer.echo(rung_line(rung))
    typer.echo(
        " ".join(f'--set {key}="{value}"' for key, _, value in (w.partition("=") for w in promotion_words(rung)))
    )


def _open(name: str, overrides: list[str] | None, out: str) -> "tuple[Resolved, Store]":
    from shallowsight import steps
    from shallowsight.store.opening import open_named

    store = open_named(out)
    store.require_own()
    resolved = steps.resolve_study(name, overrides or [])
    steps.publish(resolved, store)
    return resolved, store
