"""The whole course of one command: resolve the study, print its cost, run it, print the verdict."""

import json
import math
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from rich.console import Console

from shallowsight import steps
from shallowsight.cli.display import Display, plain_console, print_cells, print_plan, print_public
from shallowsight.cli.forecast import can_forecast
from shallowsight.cli.forecast_table import quantity
from shallowsight.cli.halving import forecast_line, promotion_words, rung_line
from shallowsight.cli.local_run import (
    BudgetSpent,
    Status,
    likely_members,
    likely_missing,
    pipeline_arguments,
    progress_file,
    run_pipeline,
    status_of,
)
from shallowsight.cli.more_seeds import look_line
from shallowsight.cluster.kubeflow import pipelines
from shallowsight.cost.budget import Budget
from shallowsight.cost.forecast import Outlook, outlook
from shallowsight.cost.subject import subject_of
from shallowsight.errors import ConfigurationError, Interrupted, ShallowsightError
from shallowsight.store.cells import Cell, analyze_cell
from shallowsight.store.disk import nearest_folder
from shallowsight.store.opening import open_named
from shallowsight.store.plan import read_groups
from shallowsight.store.store import PLAN, Store
from shallowsight.study.counts import counted, is_or_are
from shallowsight.study.even_batches import require_even_batches
from shallowsight.study.experiments import EXPERIMENTS, STUDIES
from shallowsight.study.layers import Group
from shallowsight.study.resolved import Resolved

_PIPELINES = {"study": "layer_study", "experiment": "train_and_evaluate"}


def run(
    kind: str,
    name_or_file: str,
    overrides: Sequence[str],
    out: str | None,
    *,
    dry_run: bool,
    gpus: int,
    hours: float = math.inf,
) -> None:
    """Run a study or an experiment, or with `dry_run` print what would be done. `hours` is the budget.

    Raises:
        ShallowsightError: see its subclasses; the message says how to go on.
    """
    budget = Budget.starting_now(hours, gpus)
    console = plain_console()
    console.print(f"shallowsight: {kind} {name_or_file}", highlight=False)
    store = open_named(str(out or _default_folder(kind, name_or_file)), run=uuid4().hex)
    arguments = pipeline_arguments(kind, name_or_file, overrides, store, gpus)
    store.require_own()
    resolved = _resolve(kind, name_or_file, overrides, dry_run)
    require_even_batches(resolved.base, gpus)
    status = status_of(resolved, store)
    if resolved.base.judge.ask and status.plan is not None and not dry_run:
        steps.ask_again(resolved, likely_members(status), store)
        status = status_of(resolved, store)
    missing = likely_missing(status)
    expected = _outlook(resolved, missing, gpus) if missing else None
    print_plan(console, status, len(missing), expected)
    print_public(console, resolved)
    if isinstance(expected, Outlook):
        budget.require(expected.cost.low)
        _require_room(store, expected)
    if resolved.study.halving.eta:
        console.print(forecast_line(resolved, likely_members(status), _groups(status, store)), highlight=False)
    if dry_run:
        for line in steps.smallest_gaps(resolved, likely_members(status)):
            console.print(line, highlight=False)
        print_cells(console, status, len(missing))
        return
    with store.exclusive():
        _make(kind, status, arguments, store, console, budget)
        if resolved.study.more_seeds:
            _add_seeds(name_or_file, overrides, store, gpus, console, budget)
        if resolved.study.halving.eta:
            _go_on(name_or_file, overrides, store, gpus, console, budget)
        _print_verdict(console, store)


def _groups(status: Status, store: Store) -> tuple[Group, ...]:
    return () if status.plan is None else read_groups(store.folder(analyze_cell(status.resolved)))


def _make(kind: str, status: Status, arguments: dict[str, Any], store: Store, console: Console, budget: Budget) -> None:
    """Make what is missing, and the report; raises as `run`."""
    steps.publish(status.resolved, store)
    if status.plan is not None:  # so that a report of a stopped run knows the members
        steps.plan_members(status.resolved, store)
    if status.complete or _run_missing(kind, status.resolved, arguments, store, console, budget):
        steps.plan_members(status.resolved, store)
        steps.report(store)


def _add_seeds(
    name_or_file: str, overrides: Sequence[str], store: Store, gpus: int, console: Console, budget: Budget
) -> None:
    """Look at the finished study, and train the undecided settings with the next seed, until the rule says stop.

    A next look that the budget does not suffice for is not begun: the study then ends with the looks that it has.
    """
    from shallowsight.report.looks import added

    seen = 0
    while len(found := steps.looks(store)) > seen:
        seen = len(found)
        console.print(look_line(found[-1]), highlight=False)
        if found[-1].last:
            return
        words = [*overrides, f"added={' '.join(added(found))}"]
        if not _make_more(name_or_file, words, store, gpus, console, budget, "look: no seed is added"):
            return
    raise ShallowsightError("the seeds that were added have no usable results; the report says what is wrong with them")


def _go_on(
    name_or_file: str, overrides: Sequence[str], store: Store, gpus: int, console: Console, budget: Budget
) -> None:
    """Of a halved study, train those that go on from the rung that is finished, until they are trained to the end.

    A next rung that the budget does not suffice for is not begun: the same command with a larger one begins it.
    """
    while (rung := steps.next_rung(store)) is not None:
        console.print(rung_line(rung), highlight=False)
        words = [*overrides, *promotion_words(rung)]
        if not _make_more(name_or_file, words, store, gpus, console, budget, "rung: nothing goes on"):
            return


def _make_more(
    name_or_file: str,
    words: Sequence[str],
    store: Store,
    gpus: int,
    console: Console,
    budget: Budget,
    otherwise: str,
) -> bool:
    """Make what is missing of a study that has grown; False where the budget does not suffice, after saying so."""
    status = status_of(_resolve("study", name_or_file, words, dry_run=False), store)
    missing = likely_missing(status)
    expected = _outlook(status.resolved, missing, gpus) if missing else None
    print_plan(console, status, len(missing), expected)
    if isinstance(expected, Outlook):
        if not budget.suffices(expected.cost.low):
            console.print(f"the budget of {budget} does not suffice for this {otherwise}")
            return False
        _require_room(store, expected)
    _make("study", status, pipeline_arguments("study", name_or_file, words, store, gpus), store, console, budget)
    return True


def _resolve(kind: str, name_or_file: str, overrides: Sequence[str], dry_run: bool) -> Resolved:
    resolve = steps.resolve_study if kind == "study" else steps.resolve_experiment
    try:
        return resolve(name_or_file, overrides)
    except ConfigurationError as error:
        named = not overrides and name_or_file in (STUDIES if kind == "study" else EXPERIMENTS)
        if dry_run and named and can_forecast(kind, name_or_file):
            command = f"shallowsight forecast {name_or_file}{' --experiment' if kind == 'experiment' else ''}"
            hint = f"`{command}` prints the cost without data, weights or network"
            raise ConfigurationError(f"{error}; {hint}") from None
        raise


def _outlook(resolved: Resolved, missing: Sequence[Cell], gpus: int) -> Outlook | str:
    """The cost of the missing cells, or the reason why it is not known, with which the run starts all the same."""
    try:
        return outlook(subject_of(resolved), missing, pipelines.PARALLEL, gpus)
    except ConfigurationError as error:
        return str(error)


def _require_room(store: Store, expected: Outlook) -> None:
    """Raises ConfigurationError when the missing cells are larger than the free space of the disk of --out."""
    needed = expected.cost.storage + sum(stage.checkpoint * models for stage, models in expected.stages)
    folder = nearest_folder(store.root)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ConfigurationError(
            f"--out {store.name}: the missing cells need {quantity(needed)}B, the disk of {folder} has "
            f"{quantity(free)}B free; make room, or name another --out"
        )


def _default_folder(kind: str, name_or_file: str) -> Path:
    stem = Path(name_or_file).stem
    return Path("runs") / (stem if kind == "study" else f"{stem}-{kind}")


def _run_missing(
    kind: str, resolved: Resolved, arguments: dict[str, Any], store: Store, console: Console, budget: Budget
) -> bool:
    """Run the pipeline; True if the budget stopped it when all cells were complete, but the report was not written.

    Raises:
        Interrupted: Ctrl-C, SIGTERM, or the budget is spent.
    """
    try:
        with Display(console, progress_file(store)) as display:
            run_pipeline(_PIPELINES[kind], arguments, store, display, budget.left(), console.print)
    except BudgetSpent:
        status = status_of(resolved, store)
        if status.complete:
            return True
        whole, missing = len(status.whole), len(likely_missing(status))
        raise Interrupted(
            f"the budget of {budget} is spent; {whole} of {counted(whole + missing, 'cell')} "
            f"{is_or_are(whole)} whole; the same command with a larger --budget continues, and "
            f"`shallowsight report --out {store.name}` reports the finished cells"
        ) from None
    except Interrupted:
        raise
    except ShallowsightError:
        # The finished cells stay, and their scores are printed.
        if store.read_document(PLAN) is not None and (store.root / "report" / "report.json").exists():
            _print_verdict(console, store)
        raise
    return False


def _print_verdict(console: Console, store: Store) -> None:
    from shallowsight.report.inputs import OUTPUTS
    from shallowsight.report.terminal import terminal_table

    with store.view(OUTPUTS) as study:
        console.print(terminal_table(study, console.width))
    page = store.root / "report" / "report.html"
    console.print(f"\nreport: {page}", highlight=False)
    counts = json.loads((store.root / "report" / "recommendation.json").read_text(encoding="utf-8"))["categories"]
    reasons = {category: found["why"] for category, found in counts.items()}
    if len(reasons) > 1 and len(set(reasons.values())) == 1:
        reasons = {"every category": next(iter(reasons.values()))}
    for category, why in reasons.items():
        console.print(f"  {category}: {why}", highlight=False)
    if urlsplit(store.url).scheme != "file":  # then the page above is a copy on this machine
        bring = f"shallowsight fetch {shlex.quote(store.url)} --out DIR"
        console.print(f"in the bucket: {store.url}/report/report.html; to any other machine: {bring}", highlight=False)
