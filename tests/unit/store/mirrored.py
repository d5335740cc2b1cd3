"""A bucket that can go away, and cells that are built in it.

The folder twin of a bucket stands for it here; tests/services has a real one.
"""

import json
from pathlib import Path
from typing import Any

from shallowsight.errors import StoreUnavailable
from shallowsight.store.cells import Cell
from shallowsight.store.objects.folder import FileObjects

PARENT = Cell(step="prepare", digest="a" * 16)
CHILD = Cell(step="evaluate", digest="b" * 16, setting="8", seed=0, parents=(PARENT.digest,))


class Bucket(FileObjects):
    """Can go away, before one key is written and from then on."""

    gone_before: str | None = None

    def _require(self, key: str) -> None:
        if self.gone_before is not None and key.startswith(self.gone_before):
            raise StoreUnavailable("the store is away")

    def put_file(self, key: str, path: Path) -> None:
        self._require(key)
        super().put_file(key, path)

    def put_bytes(self, key: str, data: bytes) -> None:
        self._require(key)
        super().put_bytes(key, data)


def make_text(text: str = "content") -> Any:
    def make(out: Path) -> None:
        (out / "sub").mkdir()
        (out / "sub" / "one.txt").write_text(text)
        (out / "scores.json").write_text(json.dumps({"value": text}))

    return make


def cell_keys(bucket: Bucket) -> list[str]:
    return [key.removeprefix("cells/") for key in bucket.keys("cells/")]
