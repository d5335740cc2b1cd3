"""Run a study from the command line: check its cells, run the pipeline as a child process, and report its end."""

import json
import logging
import math
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shallowsight import errors
from shallowsight.cli.process_group import STOP_SECONDS, process_group
from shallowsight.cluster.kubeflow import pipelines
from shallowsight.errors import ConfigurationError, DataRefused, Interrupted, ShallowsightError
from shallowsight.observe.progress import VARIABLE
from shallowsight.steps.machine import MEMBERS_AT_ONCE
from shallowsight.store.cells import Cell, analyze_cell, prepare_cell
from shallowsight.store.early_stop import needed_cells
from shallowsight.store.plan import Plan, make_plan
from shallowsight.store.store import Store
from shallowsight.study.legal import likely_settings
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

log = logging.getLogger(__name__)

Watcher = Callable[[], None]  # called a few times a second while the pipeline runs

_EXCEPTION = re.compile(r"^ +(?:\w+\.)*(\w+): (.*)$", re.MULTILINE)
_STATUS_OF: dict[int, type[ShallowsightError]] = {
    kind.exit_status: kind for kind in (ShallowsightError, ConfigurationError, DataRefused)
}


@dataclass(frozen=True)
class Status:
    """Which cells of a study are complete. Before the analysis the members are not known."""

    resolved: Resolved
    plan: Plan | None
    whole: tuple[Cell, ...]
    missing: tuple[Cell, ...]

    @property
    def complete(self) -> bool:
        return self.plan is not None and not self.missing


def status_of(resolved: Resolved, store: Store) -> Status:
    """The status of a study; checks every output's sha256."""
    shared = [prepare_cell(resolved), analyze_cell(resolved)]
    if not all(store.is_whole(cell) for cell in shared):
        whole = [cell for cell in shared if store.is_whole(cell)]
        return Status(resolved, None, tuple(whole), tuple(c for c in shared if c not in whole))
    plan = make_plan(resolved, store.folder(shared[1]))
    cells = needed_cells(plan, resolved, store)
    whole = [cell for cell in cells if store.is_whole(cell)]
    return Status(resolved, plan, tuple(whole), tuple(c for c in cells if c not in set(whole)))


def likely_missing(status: Status) -> list[Cell]:
    """The cells to be made; as long as the groups are not known, evenly spread layers take their place."""
    if status.plan is not None:
        return list(status.missing)
    likely = Plan(dict.fromkeys(likely_members(status), ()))
    done = set(status.whole)
    return [cell for cell in likely.cells(status.resolved) if cell not in done]


def likely_members(status: Status) -> list[Setting]:
    """The settings of the study; as long as the groups are not known, they are taken as thirds of the tower."""
    if status.plan is not None:
        return list(status.plan.members)
    return likely_settings(status.resolved.study.settings, status.resolved.tower.depth)


class BudgetSpent(Interrupted):
    """The time of a run is over; its trainings have saved their states."""


def run_pipeline(
    pipeline: str,
    arguments: dict[str, Any],
    store: Store,
    watch: Watcher,
    seconds: float = math.inf,
    say: Callable[[str], None] = log.info,
) -> None:
    """Run the committed pipeline on this machine until it ends or `seconds` are over, showing progress.

    Raises:
        ShallowsightError: a step failed. The error has the step's type, and says what failed and how to go on.
        BudgetSpent: the run was stopped after `seconds`; every child process has ended.
        Interrupted: Ctrl-C or SIGTERM; every child process has ended.
    """
    before = store.ledger.end()
    until = time.monotonic() + seconds
    with _child(pipeline, arguments, store, say) as child:
        while True:
            try:
                child.wait(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                watch()
            if time.monotonic() > until:
                raise BudgetSpent("the time of this run is over")
    watch()
    if child.returncode != 0:
        raise _failure(store, before)


@contextmanager
def _child(
    pipeline: str, arguments: dict[str, Any], store: Store, say: Callable[[str], None]
) -> Iterator["subprocess.Popen[bytes]"]:
    """The pipeline in its own process group, all of whose processes have ended when the block ends."""
    temporary = store.root / "tmp" / f"run-{os.getpid()}"
    for left in (*(store.root / "tmp").glob("run-*"), store.root / "kfp"):
        shutil.rmtree(left, ignore_errors=True)
    temporary.mkdir(parents=True)
    environment = os.environ | {
        VARIABLE: str(progress_file(store)),
        "TMPDIR": str(temporary),  # kfp does not delete its temporary folders
        MEMBERS_AT_ONCE: str(pipelines.PARALLEL),
    }
    command = [
        sys.executable,
        "-m",
        "shallowsight.cluster.kubeflow.pipelines",
        pipeline,
        str(store.root / "kfp"),
        store.run,
    ]
    try:
        with (
            log_file(store).open("wb") as output,
            process_group([*command, json.dumps(arguments)], environment, output) as child,
        ):
            try:
                yield child
            except (KeyboardInterrupt, BudgetSpent):
                say(f"stopping; running trainings save their states, for at most {STOP_SECONDS:.0f} seconds")
                raise
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command continues with what is missing") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        with suppress(OSError):  # a step that was started alone may still be using the folder
            temporary.parent.rmdir()


def _failure(store: Store, before: int) -> ShallowsightError:
    """The failure that the ledger has recorded since the position `before`."""
    failed = [line for line in store.ledger.events(before) if line["event"] == "failed"]
    ways = f"mend it and run the same command again: complete cells stay. Log: {log_file(store)}"
    if failed:
        status, what = failed[0]["status"], "; ".join(f"{_name(line)}: {line['error']}" for line in failed)
    else:
        status, what = _first_error(log_file(store))
    return _STATUS_OF.get(status, ShallowsightError)(f"{what}\n{ways}")


def _first_error(path: Path) -> tuple[int, str]:
    """Exit status and message of this package's first error in the log, from a step that failed outside of any cell."""
    found = _EXCEPTION.findall(path.read_text(encoding="utf-8", errors="replace"))
    for name, message in found:
        kind = getattr(errors, name, None)
        if isinstance(kind, type) and issubclass(kind, ShallowsightError):
            return kind.exit_status, message
    reason = next((f"{name}: {message}" for name, message in found if name.endswith("Error")), "no reason in the log")
    return ShallowsightError.exit_status, f"the pipeline failed outside of any cell: {reason}"


def _name(line: dict[str, Any]) -> str:
    return str(Cell.model_construct(step=line["step"], digest="", setting=line["setting"], seed=line["seed"]))


def progress_file(store: Store) -> Path:
    """The file into which steps write their progress for the display."""
    return store.root / "progress.jsonl"


def log_file(store: Store) -> Path:
    """The file with the output of the pipeline's process."""
    return store.root / "pipeline.log"


def pipeline_arguments(
    kind: str, name_or_file: str, overrides: Sequence[str], store: Store, gpus: int
) -> dict[str, Any]:
    """The arguments of the compiled pipeline. A file is an absolute path, because steps start in another folder.

    Raises:
        ConfigurationError: a text that the local runner would change.
    """
    path = Path(name_or_file)
    name = str(path.resolve()) if path.suffix in {".yaml", ".yml"} else name_or_file
    pipelines.require_unchanged(name, store.url, *overrides)
    return {kind: name, "overrides": list(overrides), "store": store.url, "gpus": str(gpus)}
