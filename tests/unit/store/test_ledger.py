"""The ledger: one line an event, whatever happens around it."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from shallowsight.errors import DataRefused
from shallowsight.store.cells import Cell
from shallowsight.store.ledger import Ledger

CELL = Cell(step="finetune", digest="c" * 16, setting="6", seed=3)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "deep" / "ledger.jsonl")


def test_no_file_is_no_events(ledger: Ledger) -> None:
    assert list(ledger.events()) == []
    assert ledger.end() == 0


def test_a_line_says_what_when_and_of_what(ledger: Ledger) -> None:
    ledger.append("started", CELL)
    ledger.append("done", CELL, 1.23456)
    first, second = ledger.events()
    assert datetime.fromisoformat(first.pop("time")).utcoffset() is not None
    assert first == {"event": "started", "cell": CELL.digest, "step": "finetune", "setting": "6", "seed": 3}
    assert second["seconds"] == 1.235


@pytest.mark.parametrize(
    ("error", "words", "status"),
    [
        pytest.param(DataRefused("3 rows are bad"), "3 rows are bad", 3, id="message"),
        pytest.param(ValueError(), "ValueError", 1, id="no message"),
        pytest.param(KeyboardInterrupt(), "stopped by the user", 1, id="interrupt"),
        pytest.param(OSError(28, "No space left"), "[Errno 28] No space left", 1, id="system"),
        pytest.param(ValueError("two\nlines \u00fc"), "two\nlines \u00fc", 1, id="two lines"),
    ],
)
def test_errors_are_kept_in_words(ledger: Ledger, error: BaseException, words: str, status: int) -> None:
    ledger.append("failed", CELL, 0.1, error)
    (line,) = ledger.events()
    assert (line["error"], line["status"]) == (words, status)
    assert len(ledger.path.read_text().splitlines()) == 1


def test_a_torn_last_line_is_passed_over(ledger: Ledger) -> None:
    ledger.append("started", CELL)
    with ledger.path.open("ab") as torn:
        torn.write(b'{"time": "2026-01-01", "event": "do\xc3')
    assert [line["event"] for line in ledger.events()] == ["started"]


def test_a_torn_line_does_not_swallow_the_next(ledger: Ledger) -> None:
    ledger.append("started", CELL)
    with ledger.path.open("ab") as torn:
        torn.write(b'{"time": "2026-01-01", "event": "do')
    ledger.append("started", CELL)
    ledger.append("done", CELL, 1.0)
    assert [line["event"] for line in ledger.events()] == ["started", "started", "done"]
    assert len(ledger.path.read_text().splitlines()) == 4


def test_events_since(ledger: Ledger) -> None:
    ledger.append("started", CELL)
    since = ledger.end()
    ledger.append("failed", CELL, 1.0, ValueError("x"))
    assert [line["event"] for line in ledger.events(since)] == ["failed"]


def test_many_processes_append_at_once(ledger: Ledger) -> None:
    code = (
        "import sys; from pathlib import Path; from shallowsight.store.cells import Cell\n"
        "from shallowsight.store.ledger import Ledger\n"
        "cell = Cell(step='encode', digest=sys.argv[2] * 16)\n"
        "for _ in range(50): Ledger(Path(sys.argv[1])).append('failed', cell, 0.5, 'x' * 3000)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(ledger.path), name]) for name in "abcd"]
    assert [w.wait() for w in writers] == [0] * 4
    lines = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    assert [sum(line["cell"][0] == name for line in lines) for name in "abcd"] == [50] * 4
