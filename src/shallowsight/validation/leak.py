"""Test images that are in the training data already, exactly or nearly.

Shapes: A training images, B test images.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shallowsight.errors import DataRefused
from shallowsight.validation.images import ImageError, ImageLimits, decode, in_threads, strict_decoding

MAX_BITS = 2  # of 64 that may differ
MAX_LEVELS = 16.0  # mean difference of the thumbnails, of 255: tells apart flat images, whose hashes are all zero
_SIDE = 8
_ROWS = 512  # training images compared at a time, so that memory stays at 512 x B


@dataclass(frozen=True)
class _Print:
    """What is kept of one image."""

    sha256: bytes
    bits: int  # 64: is a pixel of the 9 x 8 thumbnail brighter than its right neighbour?
    thumbnail: npt.NDArray[np.int16]  # 8 x 8 RGB, flat


def leaked_images(
    train: Iterable[Path], test: Iterable[Path], limits: ImageLimits | None = None
) -> list[tuple[Path, Path, str]]:
    """Every (training image, test image, "exact" or "near"), exact matches first.

    Exact: equal decoded RGB pixels, whatever the file format. Near: 64-bit difference hashes at most 2 bits apart
    and thumbnails that look alike; finds re-encoded and rescaled copies, not crops, flips or rotations.

    Raises:
        DataRefused: an image cannot be decoded; the gate must have passed first.
    """
    limits = limits or ImageLimits()
    train_paths, test_paths = list(dict.fromkeys(train)), list(dict.fromkeys(test))
    if not train_paths or not test_paths:
        return []

    def take(path: Path) -> _Print:
        return _print_of(path, limits)

    with strict_decoding():
        train_prints = list(in_threads(take, train_paths, limits.threads))
        test_prints = list(in_threads(take, test_paths, limits.threads))
    exact = _exact(train_prints, test_prints)
    near = sorted(set(_near(train_prints, test_prints)) - set(exact))
    return [(train_paths[a], test_paths[b], "exact") for a, b in exact] + [
        (train_paths[a], test_paths[b], "near") for a, b in near
    ]


def _print_of(path: Path, limits: ImageLimits) -> _Print:
    from PIL import Image

    try:
        image = decode(path, limits)
    except ImageError as fault:
        raise DataRefused(f"the leak check cannot read an image: {fault}; run the data gate over it first") from None
    size = f"{image.width}x{image.height}:".encode()
    small = image.convert("L").resize((_SIDE + 1, _SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.int16)
    bits = np.packbits(grey[:, :-1] > grey[:, 1:]).tobytes()
    thumbnail = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX), dtype=np.int16).reshape(-1)
    return _Print(hashlib.sha256(size + image.tobytes()).digest(), int.from_bytes(bits, "big"), thumbnail)


def _exact(train: list[_Print], test: list[_Print]) -> list[tuple[int, int]]:
    places = defaultdict(list)
    for a, found in enumerate(train):
        places[found.sha256].append(a)
    return sorted((a, b) for b, found in enumerate(test) for a in places.get(found.sha256, ()))


def _near(train: list[_Print], test: list[_Print]) -> list[tuple[int, int]]:
    bits_A = np.array([found.bits for found in train], dtype=np.uint64)
    bits_B = np.array([found.bits for found in test], dtype=np.uint64)
    looks_A = np.stack([found.thumbnail for found in train])
    looks_B = np.stack([found.thumbnail for found in test])
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(train), _ROWS):
        differ_AB = np.bitwise_count(bits_A[start : start + _ROWS, None] ^ bits_B[None, :])
        a, b = np.nonzero(differ_AB <= MAX_BITS)
        a += start
        for part in range(0, len(a), 1 << 16):  # bounded even when every image is flat
            some_a, some_b = a[part : part + (1 << 16)], b[part : part + (1 << 16)]
            alike = np.abs(looks_A[some_a] - looks_B[some_b]).mean(axis=1) <= MAX_LEVELS
            pairs += zip(some_a[alike].tolist(), some_b[alike].tolist(), strict=True)
    return pairs
