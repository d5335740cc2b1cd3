"""Find test images that are also in the training data, exactly or nearly."""

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shallowsight.data.gate.images import ImageError, ImageLimits, decode, in_threads, strict_decoding
from shallowsight.data.gate.near import near_pairs, thumbnail_of
from shallowsight.errors import DataRefused

Leaks = list[tuple[Path, Path, str]]


@dataclass(frozen=True)
class _Print:
    """The 3 KB of one image that are kept for comparisons."""

    sha256: bytes
    thumbnail: npt.NDArray[np.uint8]


def leaked_images(train: Iterable[Path], test: Iterable[Path], limits: ImageLimits | None = None) -> Leaks:
    """Every (training image, test image, "exact" or "near"), exact matches first.

    Exact: equal upright RGB pixels, whatever the file format. Near: see near.py; flips and rotations are not found.

    Raises:
        DataRefused: an image cannot be decoded; run the gate first.
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
    sides = [[found.sha256 for found in prints] for prints in (train_prints, test_prints)]
    exact = _equal(*sides)
    near = sorted(_near(train_prints, test_prints))
    return [(train_paths[a], test_paths[b], "exact") for a, b in exact] + [
        (train_paths[a], test_paths[b], "near") for a, b in near
    ]


def _near(train: Sequence[_Print], test: Sequence[_Print]) -> Iterator[tuple[int, int]]:
    """Every (place in `train`, place in `test`) of prints that are nearly, but not exactly, the same."""
    # Equal pictures are compared once, because a picture such as a placeholder may come a thousand times.
    places_A, places_B = _places(train), _places(test)
    of_A, of_B = list(places_A.values()), list(places_B.values())
    thumbnails_A = np.stack([train[places[0]].thumbnail for places in of_A])
    thumbnails_B = np.stack([test[places[0]].thumbnail for places in of_B])
    for a, b in near_pairs(thumbnails_A, thumbnails_B):
        if train[of_A[a][0]].sha256 != test[of_B[b][0]].sha256:
            yield from itertools.product(of_A[a], of_B[b])


def _places(prints: Sequence[_Print]) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = {}
    for place, one in enumerate(prints):
        found.setdefault(one.sha256, []).append(place)
    return found


def same_files(train: Iterable[Path], test: Iterable[Path]) -> Leaks:
    """Every (training image, test image, "exact") whose files have the same bytes; nothing is decoded."""
    train_paths, test_paths = list(dict.fromkeys(train)), list(dict.fromkeys(test))
    # A file is read only if the other set has a file of the same length.
    lengths = [{path: path.stat().st_size for path in paths} for paths in (train_paths, test_paths)]
    shared = set(lengths[0].values()) & set(lengths[1].values())
    keys = [[(_digest(path) if length in shared else str(path)) for path, length in found.items()] for found in lengths]
    return [(train_paths[a], test_paths[b], "exact") for a, b in _equal(*keys)]


def _print_of(path: Path, limits: ImageLimits) -> _Print:
    try:
        image = decode(path, limits)
    except ImageError as fault:
        raise DataRefused(f"the leak check cannot read an image: {fault}; run the data gate over it first") from None
    size = f"{image.width}x{image.height}:".encode()
    return _Print(hashlib.sha256(size + image.tobytes()).digest(), thumbnail_of(image))


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _equal(train: Sequence[Hashable], test: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Every (place in `train`, place in `test`) of equal values, in order."""
    places = defaultdict(list)
    for a, found in enumerate(train):
        places[found].append(a)
    return sorted((a, b) for b, found in enumerate(test) for a in places.get(found, ()))
