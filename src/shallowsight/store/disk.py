"""Write files so that they are complete on the disk when the call returns."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shallowsight.errors import ConfigurationError, ShallowsightError

_FULL = 1 << 20  # bytes; a disk with fewer free ones is the reason why something could not be written


def write_whole(path: Path, content: str | bytes) -> None:
    """The file appears with all of the content or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(content.encode() if isinstance(content, str) else content)
        sync(aside)
        aside.rename(path)
        sync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Flush a file to the disk, or a folder with the names in it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def nearest_folder(path: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder has no free space."""
    return shutil.disk_usage(nearest_folder(folder)).free < _FULL


@contextmanager
def naming(out: Path) -> Iterator[None]:
    """For what is written for a user: raises ShallowsightError with the place and the reason in place of OSError."""
    try:
        yield
    except OSError as error:
        mend = "make room, or name another place" if is_full(out) else "name another place"
        raise ShallowsightError(f"{out} cannot be written: {error.strerror or error}; {mend}") from error


def require_writable(folder: Path, asked: str = "") -> None:
    """Raises ConfigurationError for a place where no folder can be made or written.

    `asked` is what was asked, for the message; `--out` when left out.
    """
    asked = asked or f"--out {folder}"
    above = next((path for path in folder.parents if path.is_file()), None)
    if above is not None:
        raise ConfigurationError(f"{asked}: {above} is a file; name a folder elsewhere")
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{asked}: it is a file; name a folder")
    nearest = nearest_folder(folder)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{asked}: {nearest} cannot be written; name a folder elsewhere")
