"""Objects in a folder: on the disk of one machine, or on a disk that several machines share.

An object is written to a file in `.aside`; once the file is complete, it is renamed to its final path.
"""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from shallowsight.errors import ConfigurationError, CorruptOutput
from shallowsight.store.digest import file_sha256
from shallowsight.store.disk import sync
from shallowsight.store.objects.keys import ASIDE, check_key, check_prefix
from shallowsight.store.objects.objects import Stamp

_YOUNG = 60.0  # seconds; a file this new may belong to a writer that has not locked it yet
_NOT_THERE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


class FileObjects:
    """The interface of a bucket over a folder.

    Several threads and processes may use it at once, if all of them open the same folder.
    """

    def __init__(self, root: Path) -> None:
        """Deletes the unfinished files that killed writers left.

        Raises:
            ConfigurationError: the path is a file, not a folder.
        """
        if root.exists() and not root.is_dir():
            raise ConfigurationError(f"store {root} is a file; name a folder")
        self.url = root.absolute().as_uri()
        self._root = root.absolute()
        self._sweep()

    def put_file(self, key: str, path: Path) -> None:
        # A copy, not a hard link: a later write into the file must not change the object.
        with path.open("rb") as source:
            self._write(key, source)

    def put_bytes(self, key: str, data: bytes) -> None:
        self._write(key, BytesIO(data))

    def get_bytes(self, key: str) -> bytes | None:
        try:
            return self._path(key).read_bytes()
        except _NOT_THERE:
            return None

    def fetch(self, key: str, to: Path) -> Path:
        path = self._path(key)
        if not path.is_file():
            raise CorruptOutput(f"{path} is missing")
        return path

    def keys(self, prefix: str = "") -> list[str]:
        start = self._root / check_prefix(prefix).rpartition("/")[0]
        found = []
        for folder, below, files in os.walk(start):
            below[:] = [name for name in below if name != ASIDE]
            found += [(Path(folder) / name).relative_to(self._root).as_posix() for name in files]
        return sorted(key for key in found if key.startswith(prefix))

    def stamps(self, prefix: str = "") -> Iterator[tuple[str, Stamp]]:
        for key in self.keys(prefix):
            path = self._path(key)
            yield key, Stamp(path.stat().st_size, file_sha256(path))

    def delete(self, key: str) -> None:
        # The object's folder stays, even if it is empty: removing it would race with a writer that is about to use it.
        with suppress(*_NOT_THERE), self._lock():
            self._path(key).unlink()

    def create(self, key: str, data: bytes) -> str | None:
        return _version(data) if self._write(key, BytesIO(data), lambda: not self._path(key).is_file()) else None

    def replace(self, key: str, data: bytes, version: str) -> str | None:
        def unchanged() -> bool:
            found = self.version(key)
            return found is not None and found[1] == version

        return _version(data) if self._write(key, BytesIO(data), unchanged) else None

    def version(self, key: str) -> tuple[bytes, str] | None:
        data = self.get_bytes(key)
        return None if data is None else (data, _version(data))

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _write(self, key: str, source: BinaryIO, allowed: Callable[[], bool] = lambda: True) -> bool:
        """Write unless `allowed` refuses, and return its answer; it is called while no other process can write."""
        target = self._path(key)
        with self._aside() as aside:
            shutil.copyfileobj(source, aside, 1 << 20)
            aside.flush()
            os.fsync(aside.fileno())
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._lock():
                if not allowed():
                    return False
                os.rename(aside.name, target)
        sync(target.parent)
        return True

    @contextmanager
    def _aside(self) -> Iterator[BinaryIO]:
        folder = self._root / ASIDE
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{uuid4().hex}.part").open("xb") as aside:
            fcntl.flock(aside, fcntl.LOCK_EX)  # `_sweep` does not delete the file as long as this process lives
            try:
                yield aside
            finally:
                Path(aside.name).unlink(missing_ok=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        # One lock for all keys is enough: it is held for a comparison and a rename only.
        folder = self._root / ASIDE
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _sweep(self) -> None:
        for left in (self._root / ASIDE).glob("*.part"):
            # An OSError means that the file is in use, was just finished, or belongs to another user.
            with suppress(OSError), left.open("rb") as opened:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - left.stat().st_mtime > _YOUNG:
                    left.unlink()


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
