"""The plan of a study in words: one cell is not several."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from shallowsight import steps
from shallowsight.cli.display import print_plan
from shallowsight.cli.local_run import likely_missing, status_of
from shallowsight.store.cells import Cell, analyze_cell, prepare_cell
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved


@pytest.mark.parametrize(
    ("made", "said"),
    [
        pytest.param([], "0 cells are whole, 10 are to be made", id="none"),
        pytest.param([prepare_cell], "1 cell is whole, 9 are to be made", id="one"),
    ],
)
def test_whole_and_missing_cells(store: Store, made: list[Callable[[Resolved], Cell]], said: str) -> None:
    resolved = steps.resolve_study("quick", [])
    for cell in made:
        store.build(cell(resolved), lambda out: (out / "data.json").write_text("{}"))
    assert said in printed(resolved, store)


def test_one_cell_is_missing(store: Store) -> None:
    resolved = steps.resolve_study("quick", [])

    def make(out: Path) -> None:
        (out / "analysis.json").write_text('{"groups": []}')

    for cell in (prepare_cell(resolved), analyze_cell(resolved)):
        store.build(cell, make)
    *others, _ = likely_missing(status_of(resolved, store))
    for cell in others:
        store.build(cell, make)
    assert "9 cells are whole, 1 is to be made" in printed(resolved, store)


def printed(resolved: Resolved, store: Store) -> str:
    status = status_of(resolved, store)
    out = io.StringIO()
    print_plan(Console(file=out, soft_wrap=True), status, len(likely_missing(status)), None)
    return out.getvalue()
