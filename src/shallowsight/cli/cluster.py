"""Commands that talk to a Kubeflow Pipelines installation, or fetch its results."""

from pathlib import Path
from typing import Annotated

import typer

from shallowsight.cli.schedule import app as schedule_app
from shallowsight.cli.server import Context, Host, Namespace, TokenFile, connect

app = typer.Typer()
app.add_typer(schedule_app, name="schedule")


@app.command()
def submit(
    name: Annotated[str, typer.Argument(metavar="NAME_OR_FILE", help="A named study or experiment, or a YAML file.")],
    store: Annotated[str, typer.Option(metavar="s3://BUCKET/PREFIX", help="Where the cluster keeps this study.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value; may be given often.")
    ] = None,
    gpus: Annotated[int, typer.Option(help="GPUs for each training; 0 trains on the CPU.", min=0)] = 0,
    step_gpus: Annotated[
        int | None,
        typer.Option(
            help="GPUs for each step that runs the tower or answers questions; else 1 if --gpus is above 0.", min=0
        ),
    ] = None,
    pipeline: Annotated[
        str, typer.Option(help="layer_study for a study, train_and_evaluate for one experiment, or another pipeline.")
    ] = "layer_study",
    parallelism: Annotated[
        int | None, typer.Option(help="Settings of a study that are trained at the same time; 2 when left out.", min=1)
    ] = None,
    experiment: Annotated[str, typer.Option(help="Kubeflow's name for a folder of runs.")] = "shallowsight",
    service_account: Annotated[str | None, typer.Option(help="Of the pods.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the run has ended; fail if it failed.")] = False,
    host: Host = None,
    namespace: Namespace = None,
    context: Context = None,
    token_file: TokenFile = None,
) -> None:
    """Run a study on a cluster: upload the compiled pipeline (once) and start it."""
    from shallowsight.cluster.submission.submission import Submission, failures, require_good, wait_for

    submission = Submission(pipeline, name, overrides or [], store, gpus, step_gpus, parallelism)
    api = connect(host, namespace, context, token_file)
    run_id = submission.send(api, experiment, service_account)
    typer.echo(f"run: {run_id}")
    page = api.page_of(run_id)
    typer.echo(f"page: {page}" if page else "page: in the Kubeflow pages, under Runs")
    typer.echo(f"report, when it has ended: shallowsight fetch {submission.store} --out report")
    if wait:
        run = wait_for(api, run_id, typer.echo)
        for line in failures(run):
            typer.echo(line)
        require_good(run)


@app.command()
def status(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="As submit prints it.")],
    host: Host = None,
    namespace: Namespace = None,
    context: Context = None,
    token_file: TokenFile = None,
) -> None:
    """Show the state of a run, step by step, and what failed. Fails if the run failed."""
    from shallowsight.cluster.kubeflow.runs import Runs
    from shallowsight.cluster.submission.submission import lines_of, require_good

    run = Runs(connect(host, namespace, context, token_file)).run(run_id)
    for line in lines_of(run):
        typer.echo(line)
    require_good(run)


@app.command()
def fetch(
    store: Annotated[str, typer.Argument(metavar="STORE_URL", help="s3://bucket/prefix or file:///folder.")],
    out: Annotated[Path, typer.Option(help="Folder for the report; replaced when it holds an earlier one.")],
) -> None:
    """Copy the report of a study from its store to this machine."""
    from shallowsight.cluster.submission.fetch import fetch_report

    typer.echo(f"report: {fetch_report(store, out)}")
