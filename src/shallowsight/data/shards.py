"""Images as they were encoded, in plain tar files with an index, so that any pod can read any one of them.

A shard is byte-stable: entries in the order given, owner and time zero.
"""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from PIL import Image

INDEX = "images.json"
_SHARD_BYTES = 512 * 2**20


def write_shards(images: Iterable[tuple[str, bytes]], folder: Path) -> int:
    """Write (key, encoded bytes) pairs; returns how many. A key may come once."""
    index: dict[str, tuple[str, int, int]] = {}
    shard: tarfile.TarFile | None = None
    number = written = 0
    for key, data in images:
        if shard is None or written > _SHARD_BYTES:
            if shard is not None:
                shard.close()
            shard, written = tarfile.open(folder / f"images-{number:05d}.tar", "w"), 0
            number += 1
        if key in index:
            raise ValueError(f"image {key!r} is given twice")
        entry = tarfile.TarInfo(key)
        entry.size = len(data)
        shard.addfile(entry, io.BytesIO(data))
        # addfile pads to whole blocks, so the data begins that many blocks before the end.
        start = shard.offset - -(-len(data) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        index[key] = (Path(str(shard.name)).name, start, len(data))
        written += len(data)
    if shard is not None:
        shard.close()
    (folder / INDEX).write_text(json.dumps(index, indent=0), encoding="utf-8")
    return len(index)


class Shards:
    """Reads images by key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        raw = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        self._index: dict[str, tuple[str, int, int]] = {key: tuple(where) for key, where in raw.items()}
        self._open: dict[str, IO[bytes]] = {}

    def keys(self) -> Iterator[str]:
        """In the order written."""
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)

    def image(self, key: str) -> Image.Image:
        """Decoded, in RGB.

        Raises:
            KeyError: the data set has no image of that key.
        """
        shard, start, size = self._index[key]
        file = self._open.get(shard)
        if file is None:
            file = self._open[shard] = (self.folder / shard).open("rb")
        file.seek(start)
        return Image.open(io.BytesIO(file.read(size))).convert("RGB")
