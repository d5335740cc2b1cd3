"""Progress lines: few, whole, and always the last one."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from shallowsight.observe import progress
from shallowsight.observe.progress import VARIABLE, Progress, notice


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [50.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "progress.jsonl"))
    return tmp_path / "progress.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_line_a_task_and_half_second(path: Path, clock: list[float]) -> None:
    encoding, checking = Progress("encoding"), Progress("checking")
    for done in range(1, 100):
        clock[0] += 0.1
        encoding(done, 100, "fast")
        checking(done, 100)
    found = [line["done"] for line in lines(path) if line["task"] == "encoding"]
    assert len(found) == len(set(found))
    assert 19 <= len(found) <= 21
    assert found[0] == 1
    assert sum(line["task"] == "checking" for line in lines(path)) == len(found)
    assert lines(path)[0] == {"task": "encoding", "done": 1, "total": 100, "note": "fast"}


def test_the_end_is_always_told(path: Path, clock: list[float]) -> None:
    task = Progress("encoding")
    for done in (1, 2, 3):
        task(done, 3)
    assert [line["done"] for line in lines(path)] == [1, 3]


def test_two_writers_share_a_file(path: Path, clock: list[float]) -> None:
    Progress("a")(1, 2)
    Progress("b")(1, 2)
    assert [line["task"] for line in lines(path)] == ["a", "b"]


def test_without_a_display_it_logs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, clock: list[float]
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    caplog.set_level(logging.INFO)
    task = Progress("encoding")
    task(1, 9, "note")
    task(2, 9)
    assert caplog.messages == ["encoding: 1 of 9 note"]


def test_a_notice_is_a_line_of_its_own(path: Path) -> None:
    notice("3 rows converted")
    assert lines(path) == [{"notice": "3 rows converted"}]


def test_without_a_display_a_notice_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    notice("100 % converted")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("WARNING", "100 % converted")]
