"""A small images folder and good rows over it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from good_rows import Row, noise


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    for i in range(6):
        noise(i).save(folder / f"{i}.png")
    noise(6).save(folder / "sub" / "6.jpg")
    noise(7).save(folder / "7.webp")
    noise(8).save(folder / "8.bmp")
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as a data file; the suffix decides the form."""

    def to(rows: list[Row], name: str = "data.json") -> Path:
        path = tmp_path / name
        text = json.dumps(rows) if path.suffix == ".json" else "".join(json.dumps(r) + "\n" for r in rows)
        path.write_text(text, encoding="utf-8")
        return path

    return to
