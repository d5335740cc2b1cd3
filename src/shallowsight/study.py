"""A study from the command line: study -> cells -> pipeline -> verdict, with progress and a clear end."""

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shallowsight import errors, steps
from shallowsight.cells import Cell, Resolved, analyze_cell, prepare_cell
from shallowsight.errors import ConfigurationError, DataRefused, Interrupted, ShallowsightError
from shallowsight.plan import Plan, make_plan
from shallowsight.services import pipelines
from shallowsight.services.progress import VARIABLE
from shallowsight.services.store import Store
from shallowsight.settings import WORDS, Setting, needs_groups

log = logging.getLogger(__name__)

Watcher = Callable[[], None]  # called a few times a second while the pipeline runs

_EXCEPTION = re.compile(r"^ +(?:\w+\.)*(\w+): (.*)$", re.MULTILINE)
_STATUS_OF: dict[int, type[ShallowsightError]] = {
    kind.exit_status: kind for kind in (ShallowsightError, ConfigurationError, DataRefused)
}
_STOP_SECONDS = 10.0  # for children to end after a stop before they are killed


@dataclass(frozen=True)
class Status:
    """Which cells of a study are whole. Before the analysis the members are not known."""

    resolved: Resolved
    plan: Plan | None
    whole: tuple[Cell, ...]
    missing: tuple[Cell, ...]

    @property
    def complete(self) -> bool:
        return self.plan is not None and not self.missing


def status_of(resolved: Resolved, store: Store) -> Status:
    """Checks every output's sha256."""
    shared = [prepare_cell(resolved), analyze_cell(resolved)]
    if not all(store.is_whole(cell) for cell in shared):
        whole = [cell for cell in shared if store.is_whole(cell)]
        return Status(resolved, None, tuple(whole), tuple(c for c in shared if c not in whole))
    plan = make_plan(resolved, store.folder(shared[1]))
    cells = plan.cells(resolved)
    whole = [cell for cell in cells if store.is_whole(cell)]
    return Status(resolved, plan, tuple(whole), tuple(c for c in cells if c not in set(whole)))


def likely_missing(status: Status) -> list[Cell]:
    """The cells to be made; while the groups are unknown, as if they were thirds of the tower."""
    if status.plan is not None:
        return list(status.missing)
    resolved, depth = status.resolved, status.resolved.tower.depth
    thirds = [max(1, depth * part // 6) for part in (1, 3, 5)]
    members: dict[Setting, tuple[str, ...]] = {}
    for text in resolved.study.settings:
        if needs_groups([text]):
            guesses = [",".join(map(str, thirds))] if text != "groups" else list(map(str, thirds))
        else:
            guesses = [str(depth)] if text in WORDS else [text]
        members |= {Setting.parse(guess, depth): () for guess in guesses}
    done = set(status.whole)
    return [cell for cell in Plan(members).cells(resolved) if cell not in done]


def run_pipeline(pipeline: str, arguments: dict[str, Any], store: Store, watch: Watcher) -> None:
    """Run the committed pipeline on this machine until it ends, showing progress.

    Raises:
        ShallowsightError: of the type that the failing step raised; says what, where, and how to go on.
        Interrupted: Ctrl-C or SIGTERM; every child process has ended.
    """
    before = store.ledger.end()
    with _child(pipeline, arguments, store) as child:
        while True:
            try:
                child.wait(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                watch()
    watch()
    if child.returncode != 0:
        raise _failure(store, before)


@contextmanager
def _child(pipeline: str, arguments: dict[str, Any], store: Store) -> Iterator["subprocess.Popen[bytes]"]:
    """The pipeline in a process group of its own, ended whole whatever happens here."""
    temporary = store.root / "tmp" / f"run-{os.getpid()}"
    for left in (*(store.root / "tmp").glob("run-*"), store.root / "kfp"):
        shutil.rmtree(left, ignore_errors=True)
    temporary.mkdir(parents=True)
    environment = os.environ | {
        VARIABLE: str(progress_file(store)),
        "TMPDIR": str(temporary),  # kfp leaves folders behind
        steps.MEMBERS_AT_ONCE: str(pipelines.PARALLEL),
    }
    command = [sys.executable, "-m", "shallowsight.services.pipelines", pipeline, str(store.root / "kfp")]
    with log_file(store).open("wb") as output, _sigterm_as_interrupt():
        child = subprocess.Popen(
            [*command, json.dumps(arguments)],
            env=environment,
            stdin=subprocess.PIPE,  # it ends itself when this pipe closes: when we die without a word
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield child
        except KeyboardInterrupt:
            raise Interrupted("stopped; the same command continues with what is missing") from None
        finally:
            _end_group(child)
            shutil.rmtree(temporary, ignore_errors=True)
            with suppress(OSError):  # a step on its own may still be using the folder
                temporary.parent.rmdir()


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _end_group(child: "subprocess.Popen[bytes]") -> None:
    """SIGTERM to the pipeline and its steps, SIGKILL to what is left of them."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=_STOP_SECONDS)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert child.stdin is not None
    child.stdin.close()


def _failure(store: Store, before: int) -> ShallowsightError:
    """What the ledger says went wrong since `before`."""
    failed = [line for line in store.ledger.events(before) if line["event"] == "failed"]
    ways = f"mend it and run the same command again: what is whole stays. Log: {log_file(store)}"
    if failed:
        status, what = failed[0]["status"], "; ".join(f"{_name(line)}: {line['error']}" for line in failed)
    else:
        status, what = _first_error(log_file(store))
    return _STATUS_OF.get(status, ShallowsightError)(f"{what}\n{ways}")


def _first_error(path: Path) -> tuple[int, str]:
    """Exit status and message of the first of our errors in the log: a step that failed before it made a cell."""
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
    return store.root / "progress.jsonl"


def log_file(store: Store) -> Path:
    return store.root / "pipeline.log"


def pipeline_arguments(
    kind: str, name_or_file: str, overrides: Sequence[str], store: Store, gpus: int
) -> dict[str, Any]:
    """The parameters of the compiled pipeline; a file by its absolute path, since steps start elsewhere.

    Raises:
        ConfigurationError: a text that the local runner would change.
    """
    path = Path(name_or_file)
    name = str(path.resolve()) if path.suffix in {".yaml", ".yml"} else name_or_file
    pipelines.require_unchanged(name, store.url, *overrides)
    return {kind: name, "overrides": list(overrides), "store": store.url, "gpus": str(gpus)}
