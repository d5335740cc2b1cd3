"""How often the leak check finds changed copies and mistakes other pictures, and what it costs with their number:
`python -m benchmarks.validation_parts.leak`. About three minutes.

Photographs are those of scikit-image, whole and in quarters. Time and memory are of the comparison alone, of random
thumbnails, in a process of its own for each size; making them decodes every picture once (see `pictures`).
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image
from rich.console import Console

from shallowsight.data.gate.near import THUMBNAIL, near_pairs, thumbnail_of

SIZES = ((5_000, 500), (20_000, 2_000), (50_000, 5_000))
PHOTOGRAPHS = (
    "astronaut", "chelsea", "coffee", "rocket", "camera", "coins", "moon", "page", "text", "clock", "brick", "grass",
    "gravel", "hubble_deep_field", "immunohistochemistry", "retina", "cell", "colorwheel",
)  # fmt: skip


def photographs() -> list[Image.Image]:
    """Those that the package holds or has fetched; each whole and in its four quarters."""
    from skimage import data

    found = []
    for name in PHOTOGRAPHS:
        try:
            whole = Image.fromarray(getattr(data, name)()).convert("RGB")
        except OSError:  # some are fetched when asked for
            continue
        w, h = whole.width // 2, whole.height // 2
        found += [whole, *(whole.crop((x, y, x + w, y + h)) for x in (0, w) for y in (0, h))]
    return found


def encoded(picture: Image.Image, quality: int) -> Image.Image:
    picture.save(out := BytesIO(), "JPEG", quality=quality)
    return Image.open(BytesIO(out.getvalue())).convert("RGB")


def scaled(picture: Image.Image, by: float) -> Image.Image:
    return picture.resize((round(picture.width * by), round(picture.height * by)))


def cropped(picture: Image.Image, x: float, y: float) -> Image.Image:
    """95 % of both sides, at a share of what is left."""
    w, h = round(picture.width * 0.95), round(picture.height * 0.95)
    left, upper = round((picture.width - w) * x), round((picture.height - h) * y)
    return picture.crop((left, upper, left + w, upper + h))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": lambda picture: scaled(picture, 0.5),
    "1.5 times the size": lambda picture: scaled(picture, 1.5),
    "JPEG of quality 90": lambda picture: encoded(picture, 90),
    "JPEG of quality 50": lambda picture: encoded(picture, 50),
    "5 % cropped, in the middle": lambda picture: cropped(picture, 0.5, 0.5),
    "5 % cropped, at a corner": lambda picture: cropped(picture, 1, 0),
    "5 % cropped, elsewhere": lambda picture: cropped(picture, 0.25, 0.8),
    "cropped, half the size, quality 50": lambda picture: encoded(scaled(cropped(picture, 1, 0), 0.5), 50),
}


def measure_recall(console: Console) -> None:
    originals = photographs()
    prints = np.stack([thumbnail_of(picture) for picture in originals])
    for name, change in CHANGES.items():
        found = set(near_pairs(prints, np.stack([thumbnail_of(change(picture)) for picture in originals])))
        right = sum((number, number) in found for number in range(len(originals)))
        console.print(f"{name:36}{right:4} of {len(originals)} found")
    others = {(a, b) for a, b in near_pairs(prints, prints) if a < b}
    pairs = len(originals) * (len(originals) - 1) // 2
    console.print(f"other photographs taken for copies: {len(others)} of {pairs} pairs")


def one(train: int, test: int) -> dict[str, float]:
    """In this process: seconds, and peak MiB above what the thumbnails take."""
    random = np.random.default_rng(0)
    shape = (THUMBNAIL, THUMBNAIL, 3)
    sides = [random.integers(0, 256, (number, *shape), dtype=np.uint8) for number in (train, test)]
    started = time.perf_counter()
    found = sum(1 for _ in near_pairs(*sides))
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "found": found, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measure_growth(console: Console) -> None:
    for train, test in SIZES:
        command = [sys.executable, "-m", "benchmarks.validation_parts.leak", str(train), str(test)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        console.print(f"{train:7,} x {test:6,}: {found['seconds']:7.1f} s, peak {found['peak']:6.0f} MiB")


def measure(console: Console) -> None:
    measure_recall(console)
    measure_growth(console)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        sys.stdout.write(json.dumps(one(int(sys.argv[1]), int(sys.argv[2]))) + "\n")
    else:
        measure(Console(highlight=False))
