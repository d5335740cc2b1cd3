"""Pictures and rows that the gate lets through."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Row = dict[str, Any]
Write = Callable[..., Path]


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
