"""The ledger: what happened to every cell, one JSON line for each event, appended and never rewritten."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from shallowsight.errors import ShallowsightError
from shallowsight.store.cells import Cell
from shallowsight.store.lines import append

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
        append(self.path, f"{line}\n")

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
