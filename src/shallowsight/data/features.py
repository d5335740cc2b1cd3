"""Sources of a batch's vision features: a cache that was written once, or the tower, from the pixels.

Shapes: L layers, B images, C channels, H W pixels, N image tokens, D vision width, I images of the data set.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from shallowsight.data.keys import KeyIndex, hash_keys

VALUES = "features.npy"
KEYS = "images.json"


class FeatureSource(Protocol):
    """Gives the features of chosen images, one [B, N, D] float32 tensor per layer, shallow first."""

    def load(self, images: Sequence[str]) -> list[Tensor]:
        """The part on the CPU: reading and decoding. May run in another process."""
        ...

    def features(self, loaded: list[Tensor]) -> list[Tensor]:
        """The features, computed from `loaded` on the device of `loaded`."""
        ...


class CachedFeatures:
    """Features from one folder for each layer, as `FeatureWriter` writes them; read picture by picture."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._values = [_Values(folder / VALUES) for folder in folders]
        texts = [(folder / KEYS).read_text(encoding="utf-8") for folder in folders]
        if any(text != texts[0] for text in texts):
            raise ValueError("the layers' features are of different images")
        self._rows = KeyIndex(hash_keys(json.loads(texts[0])))

    def __contains__(self, image: str) -> bool:
        return image in self._rows

    def load(self, images: Sequence[str]) -> list[Tensor]:
        """One [B, N, D] float16 tensor per layer."""
        rows = [self._rows.row(key) for key in images]
        return [torch.from_numpy(np.stack([values.row(row) for row in rows])) for values in self._values]

    def features(self, loaded: list[Tensor]) -> list[Tensor]:
        return [values.float() for values in loaded]


class _Values:
    """Rows of a .npy file. They are read, not mapped, so that memory does not grow with the rows that were read."""

    def __init__(self, path: Path) -> None:
        mapped = np.load(path, mmap_mode="r")
        self._shape, self._dtype, self._start = mapped.shape[1:], mapped.dtype, mapped.offset
        self._bytes = int(np.prod(self._shape)) * mapped.dtype.itemsize
        self._file = path.open("rb", buffering=0)

    def row(self, number: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float16]]":
        data = os.pread(self._file.fileno(), self._bytes, self._start + number * self._bytes)
        return np.frombuffer(data, dtype=self._dtype).reshape(self._shape)


class LiveFeatures:
    """Runs the tower on every batch: `read` gives pixels [B, C, H, W], `encode` one [B, N, D] tensor per layer."""

    def __init__(self, read: Callable[[Sequence[str]], Tensor], encode: Callable[[Tensor], list[Tensor]]) -> None:
        self._read, self._encode = read, encode

    def load(self, images: Sequence[str]) -> list[Tensor]:
        return [self._read(images)]

    def features(self, loaded: list[Tensor]) -> list[Tensor]:
        return self._encode(loaded[0])


class FeatureWriter:
    """Writes one layer's features [I, N, D] in half precision, image by image, without holding them."""

    def __init__(self, folder: Path, keys: Sequence[str], tokens: int, width: int) -> None:
        (folder / KEYS).write_text(json.dumps(list(keys), indent=0), encoding="utf-8")
        shape = (len(keys), tokens, width)
        self._values = np.lib.format.open_memmap(folder / VALUES, mode="w+", dtype=np.float16, shape=shape)

    def write(self, first_row: int, features_BND: Tensor) -> None:
        self._values[first_row : first_row + len(features_BND)] = features_BND.to(torch.float16).cpu().numpy()

    def close(self) -> None:
        self._values.flush()
