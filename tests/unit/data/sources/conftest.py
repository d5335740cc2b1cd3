"""A user's folder."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "images").mkdir(parents=True)
    for name in ("a.png", "b.png"):
        (folder / "images" / name).write_bytes(name.encode())
    rows = [{"id": i, "image": name} for i, name in enumerate(["a.png", "b.png", "a.png", "gone.png"])]
    (folder / "train.json").write_text(
        json.dumps([*rows, {"id": "no image"}, {"id": "a number", "image": 5}]), encoding="utf-8"
    )
    return folder
