"""The pictures of a folder that has no records: whatever in it can be read as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.data.gate.images import ImageError, ImageLimits, decode, read_header, strict_decoding
from shallowsight.errors import ConfigurationError

if TYPE_CHECKING:
    from PIL import Image


def read_picture(path: Path) -> "Image.Image":
    """One picture, upright and in RGB.

    Raises:
        ConfigurationError: there is no such file, or it cannot be read as a picture.
    """
    if not path.is_file():
        found = "it is a folder; name one picture" if path.is_dir() else "there is no such file"
        raise ConfigurationError(f"picture {path}: {found}")
    try:
        with strict_decoding():
            return decode(path, ImageLimits())
    except ImageError as error:
        raise ConfigurationError(f"picture {path} cannot be read: {error}") from None


class PictureFolder:
    """Finds and reads the pictures of a folder and its subfolders, and keeps the names of files that it cannot read.

    Files and folders whose names begin with a dot are passed over.
    """

    def __init__(self, folder: Path) -> None:
        """Reads the header of every file.

        Raises:
            ConfigurationError: there is no such folder, or no picture in it.
        """
        if not folder.is_dir():
            found = "it is a file; name its folder" if folder.is_file() else "there is no such folder"
            raise ConfigurationError(f"pictures in {folder}: {found}")
        self._folder, self._limits = folder, ImageLimits()
        self.unreadable: dict[str, str] = {}  # name -> why
        files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
        shown = sorted(str(path) for path in files if not any(part.startswith(".") for part in path.parts))
        with strict_decoding():
            self.names = [name for name in shown if self._has_header(name)]
        if not self.names:
            raise ConfigurationError(
                f"no pictures in {folder}: "
                + (f"{_none_of(len(shown))}, {self.faults}" if shown else "it has no files")
            )

    def read(self, names: Sequence[str]) -> "dict[str, Image.Image]":
        """The pictures that can be decoded, upright and in RGB; the others join `unreadable`."""
        found = {}
        with strict_decoding():
            for name in names:
                try:
                    found[name] = decode(self._folder / name, self._limits)
                except ImageError as error:
                    self._note(name, error)
        return found

    @property
    def faults(self) -> str:
        """The first unreadable files and why: for a message."""
        first = [f"{name} ({why})" for name, why in list(self.unreadable.items())[:3]]
        more = len(self.unreadable) - len(first)
        return "; ".join(first) + (f"; and {more} more" if more else "")

    def _has_header(self, name: str) -> bool:
        try:
            read_header(self._folder / name, self._limits)
        except ImageError as error:
            self._note(name, error)
            return False
        return True

    def _note(self, name: str, error: ImageError) -> None:
        # The message names the file again, with its whole path.
        self.unreadable[name] = (
            str(error).replace(f"{self._folder / name}: ", "").replace(str(self._folder / name), "it")
        )


def _none_of(files: int) -> str:
    return "its only file is none" if files == 1 else f"none of its {files} files is one"
