"""One command from its first line to its last: resolve, say what it costs, run, show the verdict."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from shallowsight import steps
from shallowsight.config import STAGES, Experiment
from shallowsight.cost import forecast
from shallowsight.display import Display, print_cells, print_plan
from shallowsight.errors import ConfigurationError, Interrupted, ShallowsightError
from shallowsight.services import pipelines
from shallowsight.services.store import Store
from shallowsight.study import likely_missing, pipeline_arguments, progress_file, run_pipeline, status_of

TABLE_WIDTH = 100
_PIPELINES = {"study": "layer_study", "experiment": "train_and_evaluate"}


def run(kind: str, name_or_file: str, overrides: Sequence[str], out: Path | None, *, dry_run: bool, gpus: int) -> None:
    """Run a study or an experiment, or say what that would do.

    Raises:
        ShallowsightError: see its subclasses; the message says how to go on.
    """
    console = Console(soft_wrap=True, markup=False, emoji=False)  # names and paths are shown as they are
    console.print(f"shallowsight: {kind} {name_or_file}", highlight=False)
    store = Store((out or _default_folder(kind, name_or_file)).resolve())
    arguments = pipeline_arguments(kind, name_or_file, overrides, store, gpus)
    store.require_own()
    resolve = steps.resolve_study if kind == "study" else steps.resolve_experiment
    resolved = resolve(name_or_file, overrides)
    status = status_of(resolved, store)
    missing = likely_missing(status)
    print_plan(console, status, len(missing), forecast(resolved, missing, pipelines.PARALLEL))
    if dry_run:
        print_cells(console, status, len(missing))
        return
    _require_even_batches(resolved.base, gpus)
    with store.exclusive():
        steps.publish(resolved, store)
        if status.complete:
            steps.plan_members(resolved, store)
            steps.report(store)
        else:
            _run_missing(kind, arguments, store, console)
        _print_verdict(console, store)


def _default_folder(kind: str, name_or_file: str) -> Path:
    stem = Path(name_or_file).stem
    return Path("runs") / (stem if kind == "study" else f"{stem}-{kind}")


def _require_even_batches(experiment: Experiment, gpus: int) -> None:
    for name in STAGES:
        batch = experiment.stage(name).global_batch
        if gpus and batch % gpus:
            raise ConfigurationError(f"{name}.global_batch={batch} does not divide among {gpus} processes (--gpus)")


def _run_missing(kind: str, arguments: dict[str, Any], store: Store, console: Console) -> None:
    try:
        with Display(console, progress_file(store)) as display:
            run_pipeline(_PIPELINES[kind], arguments, store, display)
    except Interrupted:
        raise
    except ShallowsightError:
        # What was finished stays, and is shown.
        if (store.root / steps.PLAN).exists() and (store.root / "report" / "report.json").exists():
            _print_verdict(console, store)
        raise


def _print_verdict(console: Console, store: Store) -> None:
    from shallowsight.report.terminal import terminal_table

    # Where the output is no terminal rich assumes 80 columns, which would fold the table.
    console.print(terminal_table(store.root), width=max(console.width, TABLE_WIDTH))
    page = store.root / "report" / "report.html"
    console.print(f"\nreport: {page}", highlight=False)
    counts = json.loads((store.root / "report" / "recommendation.json").read_text(encoding="utf-8"))["categories"]
    for category, found in counts.items():
        console.print(f"  {category}: {found['evidence']}", highlight=False)
