"""The terminal's display: the plan and its cost, the progress of a run, and the table at the end."""

import json
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from shallowsight.cli.forecast_table import outlook_lines
from shallowsight.cli.local_run import Status
from shallowsight.cost.forecast import Outlook
from shallowsight.study.counts import counted, is_or_are
from shallowsight.study.resolved import Resolved

WIDTH = 100  # without a terminal


def plain_console() -> Console:
    """A console that prints names and paths unchanged."""
    # Without a terminal rich assumes 80 columns, although a file has room for more.
    known = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    return Console(soft_wrap=True, markup=False, emoji=False, width=None if known else WIDTH)


class Display:
    """Follows the progress file; usable as the study's watcher. Without a terminal it prints a line for each task."""

    def __init__(self, console: Console, progress_file: Path) -> None:
        self._console = console
        self._path = progress_file
        self._path.unlink(missing_ok=True)
        self._read = 0
        self._tasks: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}", justify="left", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "Display":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self) -> None:
        """Show the lines that were written since the last call."""
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as lines:
            lines.seek(self._read)
            for line in iter(lines.readline, ""):
                if not line.endswith("\n"):
                    break
                self._read = lines.tell()
                said = json.loads(line)
                if "notice" in said:
                    self._console.print(said["notice"], highlight=False, markup=False)
                else:
                    self._show(**said)

    def _show(self, task: str, done: int, total: int, note: str) -> None:
        if not self._console.is_terminal:
            if task not in self._tasks:
                self._tasks[task] = TaskID(0)
                self._console.print(f"  {task} ...", highlight=False, markup=False)
            return
        if task not in self._tasks:
            self._tasks[task] = self._progress.add_task(task, total=total, note=note)
        self._progress.update(self._tasks[task], completed=done, total=total, note=note)
        if done >= total:
            self._progress.stop_task(self._tasks[task])


def print_plan(console: Console, status: Status, missing: int, outlook: Outlook | str | None) -> None:
    """Print the numbers of complete and missing cells, and their cost, or the reason why the cost is not known.

    `outlook` is None if no cell is missing.
    """
    study = status.resolved.study
    settings = ", ".join(map(str, status.plan.members)) if status.plan else ", ".join(study.settings)
    rest = f": settings {settings}; seeds {', '.join(map(str, study.seeds))}"
    if study.more_seeds:
        rest += f", then {', '.join(map(str, study.more_seeds))} where undecided"
    console.print(Text.assemble((study.name, "bold"), rest))
    tower = status.resolved.tower
    console.print(f"tower {tower.name}, {counted(tower.depth, 'layer')}", highlight=False)
    whole = len(status.whole)
    cells = f"{counted(whole, 'cell')} {is_or_are(whole)} whole, {missing} {is_or_are(missing)} to be made"
    console.print(cells, highlight=False)
    if isinstance(outlook, str):
        console.print(f"no forecast: {outlook}", highlight=False)
    elif outlook is not None:
        for line in outlook_lines(outlook):
            console.print(line, highlight=False)


def print_public(console: Console, resolved: Resolved) -> None:
    """Print how many questions each public benchmark asks a model, or why it is not run."""
    for name, facts in resolved.public.items():
        if facts.not_run:
            console.print(f"benchmark {name} will not be run: {facts.not_run}", highlight=False)
        else:
            rows = resolved.public_rows[name]
            most = "at most " if rows < facts.rows else ""  # rows that belong together are asked all or none
            only = f", for a submission file only: {facts.unscored}" if facts.unscored else ""
            asked = f"benchmark {name}: each model is asked {most}{counted(rows, 'question')}{only}"
            console.print(asked, highlight=False)


def print_cells(console: Console, status: Status, likely: int) -> None:
    """Print every cell, and whether it is complete."""
    for cell in (*status.whole, *status.missing):
        state = "whole" if cell in status.whole else "to be made"
        console.print(f"  {cell.digest}  {state:10}  {cell}", highlight=False)
    if status.plan is None:
        more = likely - len(status.missing)
        console.print(f"  and about {more} more, which {is_or_are(more)} listed once the layers are analyzed")
