"""How fast pictures pass the gate, decoded whole or by their headers: `python -m benchmarks.validation_parts.pictures`.

JPEGs of 336 x 336 pixels, crops of a photograph at quality 90, in a folder that the system has in memory.
"""

import tempfile
import time
from pathlib import Path

from PIL import Image
from rich.console import Console

from shallowsight.data.gate.images import ImageLimits, check_images

NUMBER, SIDE, ROUNDS = 2_000, 336, 3


def write_pictures(folder: Path) -> list[str]:
    from skimage import data

    whole = Image.fromarray(data.astronaut())
    names = []
    for number in range(NUMBER):
        x, y = number % 170, number // 170 * 10 % 170
        names.append(f"{number}.jpg")
        whole.crop((x, y, x + SIDE, y + SIDE)).save(folder / names[-1], quality=90)
    return names


def rates(names: list[str], folder: Path, limits: ImageLimits) -> list[float]:
    """Pictures a second, round by round."""
    found = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        assert not any(check_images(names, folder, limits).values())
        found.append(len(names) / (time.perf_counter() - started))
    return sorted(found)


def measure(console: Console) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = write_pictures(folder)
        for way in (ImageLimits(decode="all"), ImageLimits(decode="header")):
            low, middle, high = rates(names, folder, way)
            console.print(f"data.decode={way.decode:7}{middle:8,.0f} pictures/s ({low:,.0f}-{high:,.0f})")


if __name__ == "__main__":
    measure(Console(highlight=False))
