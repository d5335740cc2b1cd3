"""A user's files, changed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Path]


def spoil(file: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    rows = json.loads(file.read_text(encoding="utf-8"))
    change(rows)
    file.write_text(json.dumps(rows), encoding="utf-8")
