"""Lines of a file that several processes share and that a crash may have cut: read them, and append more."""

import fcntl
import os
from pathlib import Path


class Lines:
    """The lines of a file as they were when this was made, and a way to append to them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.found: tuple[bytes, ...] = tuple(path.read_bytes().splitlines()) if path.exists() else ()

    def append(self, lines: str) -> None:
        """Append whole lines; they are on the disk when this returns."""
        append(self._path, lines)


def append(path: Path, lines: str) -> None:
    """Append whole lines; they are on the disk when this returns. The folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_APPEND | os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # other processes may append too; closing the file unlocks it
        end = os.fstat(handle).st_size
        if end and os.pread(handle, 1, end - 1) != b"\n":
            lines = f"\n{lines}"  # a crash left a line without its end: these must not become part of it
        data = lines.encode()
        while data:  # a write of many lines may be short
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)
