"""How the progress of a run is shown, on a terminal and elsewhere."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from shallowsight.cli.display import Display
from shallowsight.observe.progress import VARIABLE, notice


@pytest.fixture
def tell(tmp_path: Path) -> Callable[..., None]:
    def write(task: str, done: int, total: int, note: str = "", end: str = "\n") -> None:
        with (tmp_path / "progress.jsonl").open("a", encoding="utf-8") as out:
            out.write(json.dumps({"task": task, "done": done, "total": total, "note": note}) + end)

    return write


def shown(tmp_path: Path, *, terminal: bool) -> tuple[Display, io.StringIO]:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=100)
    return Display(console, tmp_path / "progress.jsonl"), text


@pytest.mark.parametrize("terminal", [True, False])
def test_a_notice_of_a_step_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "progress.jsonl"))
    display, text = shown(tmp_path, terminal=terminal)
    with display:
        notice("2 of 4 rows put aside [sic]: /x/quarantine.jsonl")
        display()
        display()
    assert text.getvalue().count("2 of 4 rows put aside [sic]: /x/quarantine.jsonl") == 1


def test_without_a_terminal_each_task_is_one_line(tmp_path: Path, tell: Callable[..., None]) -> None:
    tell("of an earlier run", 1, 2)
    display, text = shown(tmp_path, terminal=False)
    with display:
        display()  # no file yet
        tell("encoding", 1, 4)
        display()
        tell("encoding", 4, 4)
        tell("finetune 6 \u00fc", 1, 2)
        display()
    assert text.getvalue() == "  encoding ...\n  finetune 6 \u00fc ...\n"


def test_half_a_line_is_read_when_it_is_whole(tmp_path: Path, tell: Callable[..., None]) -> None:
    display, text = shown(tmp_path, terminal=False)
    with display:
        (tmp_path / "progress.jsonl").write_text('{"task": "enc')
        display()
        assert text.getvalue() == ""
        with (tmp_path / "progress.jsonl").open("a") as out:
            out.write('oding", "done": 1, "total": 2, "note": ""}\n')
        display()
    assert text.getvalue() == "  encoding ...\n"


def test_on_a_terminal_bars_are_drawn(tmp_path: Path, tell: Callable[..., None]) -> None:
    display, text = shown(tmp_path, terminal=True)
    with display:
        tell("finetune 6 seed 0", 3, 20, "loss 1.250")
        display()
        tell("finetune 6 seed 0", 20, 20, "loss 0.500")
        display()
    last = [line for line in text.getvalue().splitlines() if "finetune 6 seed 0" in line][-1]
    assert "20/20" in last
    assert "loss 0.500" in last


def test_square_brackets_are_shown_as_they_are(tmp_path: Path, tell: Callable[..., None]) -> None:
    for terminal in (False, True):
        display, text = shown(tmp_path, terminal=terminal)
        with display:
            tell("finetune [bold]6", 1, 1, "note [red]")
            display()
        assert "[bold]6" in text.getvalue(), terminal
