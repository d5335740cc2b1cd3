"""Features of benchmarks' pictures on the disk, for all settings and seeds of a study.

One file for each picture with the layers that the study reads, so that the tower looks at it once. Nothing depends on
these files: one that is missing, cut or changed is made again.

Shapes: N image tokens, D vision width.
"""

import errno
import hashlib
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

MOST = 20e9  # bytes of the files of all towers; later pictures are not kept
COUNT = 50  # files that a process writes before it counts again what all processes have
LEFT = 10e9  # bytes of the disk that stay free


class KeptPictures:
    """The features of some layers, in half precision, in a folder of one tower and one way to read pictures."""

    def __init__(self, folder: Path, layers: Sequence[int]) -> None:
        """`layers` are those that a new picture is encoded for. Other towers' features lie beside `folder`."""
        self._layers = tuple(layers)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._bytes, self._written = 0.0, 0
        self._open = True

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers that a new picture is encoded for; none where there is no room for more."""
        return self._layers if self._open else ()

    def get(self, picture: str, layers: Sequence[int]) -> "list[Tensor] | None":
        """[N, D] of each layer; None where one of them is not there."""
        try:
            with safe_open(self._path(picture), framework="pt") as file:
                sums = file.metadata() or {}
                found = {str(layer): file.get_tensor(str(layer)) for layer in layers}
        except (OSError, SafetensorError):
            return None
        if any(_sum(features) != sums.get(layer) for layer, features in found.items()):
            return None
        return list(found.values())

    def add(self, picture: str, features: "Mapping[int, Tensor]") -> None:
        """Keep the features [N, D] of a picture, while there is room."""
        from safetensors.torch import save  # here, because it imports torch

        size = sum(layer.nbytes for layer in features.values())
        if not self._has_room(size):
            return
        values = {str(layer): found.contiguous() for layer, found in features.items()}
        aside = self._path(picture).with_name(f".{picture}.{os.getpid()}")
        try:
            aside.write_bytes(save(values, {layer: _sum(found) for layer, found in values.items()}))
            aside.rename(self._path(picture))
        except OSError as error:
            aside.unlink(missing_ok=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                self._stop(error.strerror or str(error))
            return
        self._bytes += size
        self._written += 1

    def _has_room(self, size: int) -> bool:
        if self._open and self._written % COUNT == 0:
            self._bytes = sum(map(_size, self._folder.parent.glob("*/*.safetensors")))
        if self._open and self._bytes + size > MOST:
            self._stop(f"{self._folder.parent} has {MOST / 1e9:.0f} GB of them; it may be removed")
        if self._open and shutil.disk_usage(self._folder).free - size < LEFT:
            self._stop(f"the disk has less than {LEFT / 1e9:.0f} GB left")
        return self._open

    def _stop(self, why: str) -> None:
        self._open = False
        log.warning("no more features of benchmarks' pictures are kept in %s: %s", self._folder, why)

    def _path(self, picture: str) -> Path:
        return self._folder / f"{picture}.safetensors"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # another process has just written it anew
        return 0


def _sum(features: "Tensor") -> str:
    return hashlib.sha256(features.numpy().tobytes()).hexdigest()
