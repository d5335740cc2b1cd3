"""The ledger: what happened to every cell, one JSON line for each event, appended and never rewritten."""

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from shallowsight.errors import ShallowsightError
from shallowsight.store.cells import Cell

Event = Literal["started", "done", "failed", "reused", "corrupt"]


@dataclass(frozen=True)
class Ledger:
    """`ledger.jsonl` of one study."""

    path: Path

    def append(
        self, event: Event, cell: Cell, seconds: float | None = None, error: BaseException | str | None = None
    ) -> None:
        line: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            "cell": cell.digest,
            "step": cell.step,
            "setting": cell.setting,
            "seed": cell.seed,
        }
        if seconds is not None:
            line["seconds"] = round(seconds, 3)
        if error is not None:
            line["error"] = _in_words(error)
            line["status"] = (error if isinstance(error, ShallowsightError) else ShallowsightError).exit_status
        self._write(json.dumps(line, ensure_ascii=False))

    def _write(self, line: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = f"{line}\n"
        handle = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # other processes may append too; closing the file unlocks it
            end = os.fstat(handle).st_size
            if end and os.pread(handle, 1, end - 1) != b"\n":
                text = f"\n{text}"  # a crash left a line without its end: this event must not become part of it
            os.write(handle, text.encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def end(self) -> int:
        """The position in the file, in bytes, of the next event, for `events(since)`."""
        return self.path.stat().st_size if self.path.exists() else 0

    def events(self, since: int = 0) -> Iterator[dict[str, Any]]:
        """The events in the order written, without lines that a crash left incomplete."""
        if not self.path.exists():
            return
        with self.path.open("rb") as lines:
            lines.seek(since)
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue


def _in_words(error: BaseException | str) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "stopped by the user"
    return str(error) or type(error).__name__
