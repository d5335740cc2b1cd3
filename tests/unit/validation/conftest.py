"""A small images folder and good rows over it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Row = dict[str, Any]


def noise(seed: int, side: int = 24) -> Image.Image:
    """Random, but smooth enough to survive re-encoding."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)


def row(number: int, image: str | None = "0.png") -> Row:
    """A good row."""
    token = "" if image is None else "<image>\n"
    talk = [
        {"from": "human", "value": f"{token}What is in picture {number}? \u732b"},
        {"from": "gpt", "value": f"A cat, \u00fcbrigens number {number}."},
        {"from": "human", "value": "Which colour?"},
        {"from": "gpt", "value": "Red."},
    ]
    return {"id": f"r{number}", "conversations": talk} | ({} if image is None else {"image": image})


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
