"""Encoded images in plain tar files with an index, so that any pod can read any single image.

The bytes of a shard depend only on its images and their order: owner and time are zero. There are two indexes:
`images.jsonl` for people and for reading in order, `images.npy` for finding one picture without its name in memory.
"""

import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from shallowsight.data.keys import KeyIndex, hash_keys
from shallowsight.data.pictures.upright import FORMATS, upright_rgb
from shallowsight.errors import DataRefused

INDEX = "images.jsonl"
PLACES = "images.npy"
_SHARD_BYTES = 512 * 2**20
_PLACE = np.dtype([("hash", "<u8"), ("shard", "<i4"), ("start", "<i8"), ("size", "<i8")])


def write_shards(images: Iterable[tuple[str, bytes]], folder: Path) -> int:
    """Write (key, encoded bytes) pairs, with distinct keys; returns their number."""
    keys: list[str] = []
    places: list[tuple[int, int, int]] = []
    shard: tarfile.TarFile | None = None
    number, written = -1, 0
    for key, data in images:
        if shard is None or written > _SHARD_BYTES:
            if shard is not None:
                shard.close()
            number, written = number + 1, 0
            shard = tarfile.open(folder / _name(number), "w")
        entry = tarfile.TarInfo(key)
        entry.size = len(data)
        shard.addfile(entry, io.BytesIO(data))
        # addfile pads the data to whole blocks, so the data begins that number of blocks before the present end.
        start = shard.offset - -(-len(data) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        keys.append(key)
        places.append((number, start, len(data)))
        written += len(data)
    if shard is not None:
        shard.close()
    hashes = hash_keys(keys)
    np.save(folder / PLACES, np.array([(h, *p) for h, p in zip(hashes, places, strict=True)], dtype=_PLACE))
    with (folder / INDEX).open("w", encoding="utf-8") as index:
        for key, (number, start, size) in zip(keys, places, strict=True):
            index.write(json.dumps({"key": key, "shard": _name(number), "start": start, "size": size}) + "\n")
    return len(keys)


def _name(number: int) -> str:
    return f"images-{number:05d}.tar"


class Shards:
    """Reads images by key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places = np.load(folder / PLACES)
        self._rows = KeyIndex(self._places["hash"])
        self._open: dict[int, IO[bytes]] = {}

    def keys(self) -> Iterator[str]:
        """The keys in the order in which the images were written."""
        with (self.folder / INDEX).open(encoding="utf-8") as index:
            for line in index:
                yield json.loads(line)["key"]

    def __len__(self) -> int:
        return len(self._rows)

    def image(self, key: str) -> Image.Image:
        """The image, decoded, upright and in RGB.

        Raises:
            KeyError: the data set has no image of that key.
            DataRefused: the image does not decode; the data gate does not notice that with data.decode=header.
        """
        place = self._places[self._rows.row(key)]
        shard = int(place["shard"])
        file = self._open.get(shard)
        if file is None:
            file = self._open[shard] = (self.folder / _name(shard)).open("rb", buffering=0)
        # pread does not move the file's position, which forked workers share with the open file.
        data = os.pread(file.fileno(), int(place["size"]), int(place["start"]))
        try:
            return upright_rgb(Image.open(io.BytesIO(data), formats=FORMATS))
        except Exception as error:  # decoders raise many types: OSError, SyntaxError, struct.error, IndexError ...
            raise DataRefused(
                f"picture {key!r} cannot be decoded: {error or type(error).__name__}; mend or remove it"
            ) from error
