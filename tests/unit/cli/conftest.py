"""The command line in this process, and stand-ins for the pipelines that it runs."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Ended, Run

from shallowsight.cli import app, local_run, session
from shallowsight.cost.forecast import Outlook
from shallowsight.cost.local import Forecast
from shallowsight.store.store import Store


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The entry point in this process, standing in an empty folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def call(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["shallowsight", *arguments])
        status = 0
        try:
            app.main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        out, err = capsys.readouterr()
        return Ended(status, out, err)

    return call


@pytest.fixture
def pipelines(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Pipelines that would have been run; they do nothing, and their forecast is two to three hours."""
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(session, "outlook", lambda *_: Outlook(Forecast(7200.0, 10800.0, 5e6), ()))
    monkeypatch.setattr(session, "run_pipeline", lambda *arguments: started.append(arguments))
    monkeypatch.setattr(session, "_print_verdict", lambda console, store: console.print("VERDICT"))
    return started


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "study")


@pytest.fixture
def pipeline(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs Python code as the pipeline's process; `ROOT` is the store, `cell` a cell of it."""

    def run(body: str, watch: Callable[[], None] = lambda: None, **more: Any) -> None:
        script = tmp_path / "pipeline"
        head = (
            f"#!{sys.executable}\nimport json, os, subprocess, sys, time\nfrom pathlib import Path\n"
            f"from shallowsight.store.cells import Cell\nfrom shallowsight.store.store import Store\n"
            f"from shallowsight import errors\nstore = Store(Path({str(store.root)!r})); ROOT = store.root\n"
            "cell = Cell(step='finetune', digest='c' * 16, setting='6', seed=1)\n"
        )
        script.write_text(head + body)
        script.chmod(0o755)
        monkeypatch.setattr(local_run.sys, "executable", str(script))
        try:
            local_run.run_pipeline("layer_study", {"study": "quick"}, store, watch, **more)
        finally:
            monkeypatch.undo()

    return run
