"""Check the pictures that records name, each once, however many rows and chunks name it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shallowsight.data.gate.images import ImageLimits, check_images
from shallowsight.data.gate.occurrences import Occurrences, as_hashes, hash_of
from shallowsight.errors import ConfigurationError


class Pictures:
    """Checks the pictures of a folder that records name, each name once."""

    def __init__(self, folder: Path, limits: ImageLimits) -> None:
        self._folder, self._limits = folder, limits
        self._seen = Occurrences()
        self._faults: dict[bytes, tuple[str, str]] = {}  # hash of a name -> fault; a name may be a whole picture

    def look(self, named: Sequence[str], file: str) -> dict[str, tuple[str, str]]:
        """Status and cause for the pictures with a fault; paths in a cause are relative to the folder.

        Raises:
            ConfigurationError: there is no such folder.
        """
        if not named:
            return {}
        if not self._folder.is_dir():
            raise ConfigurationError(
                f"images folder {self._folder}: there is no such folder, but {file} names pictures, for instance "
                f"{named[0]!r}. To go on: check data.images and the mounted volume."
            )
        times, _ = self._seen.add(as_hashes(b"".join(map(hash_of, named))), np.zeros(len(named), np.int32))
        new = [name for name, time in zip(named, times, strict=True) if time == 1]
        found = check_images(new, self._folder, self._limits)
        root = f"{self._folder.resolve()}/"  # removed from causes: this machine's path must not change a cell's bytes
        self._faults |= {
            hash_of(name): (fault.status, str(fault).replace(root, ""))
            for name, fault in found.items()
            if fault is not None
        }
        return {name: self._faults[key] for name in named if (key := hash_of(name)) in self._faults}
