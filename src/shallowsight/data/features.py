"""Where a batch's vision features come from: encoded once and read back, or computed from the pixels.

Shapes: L layers, B images, N image tokens, D vision width, I images of the data set.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

VALUES = "features.npy"
KEYS = "images.json"


class FeatureSource(Protocol):
    """Gives the features of chosen images, one [B, N, D] float32 tensor per layer, shallow first."""

    def batch(self, images: Sequence[str]) -> list[Tensor]: ...


class CachedFeatures:
    """Features of one folder per layer, as `FeatureWriter` leaves them; read by memory map."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._values = [np.load(folder / VALUES, mmap_mode="r") for folder in folders]
        keys = [json.loads((folder / KEYS).read_text(encoding="utf-8")) for folder in folders]
        if any(k != keys[0] for k in keys):
            raise ValueError("the layers' features are of different images")
        self._row = {key: row for row, key in enumerate(keys[0])}

    def __contains__(self, image: str) -> bool:
        return image in self._row

    def batch(self, images: Sequence[str]) -> list[Tensor]:
        rows = [self._row[key] for key in images]
        return [torch.from_numpy(values[rows].astype(np.float32)) for values in self._values]


class LiveFeatures:
    """Runs the tower on every batch; `encode` maps image keys to one [B, N, D] tensor per layer."""

    def __init__(self, encode: Callable[[Sequence[str]], list[Tensor]]) -> None:
        self._encode = encode

    def batch(self, images: Sequence[str]) -> list[Tensor]:
        return self._encode(images)


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
