"""The folder of this machine for copies of objects of a bucket."""

import os
from pathlib import Path

CACHE = "SHALLOWSIGHT_CACHE"  # names the folder; on a cluster a folder on a disk of the node


def cache_folder() -> Path:
    """The folder, which may be deleted at any time: the bucket has everything that is in it."""
    return Path(os.environ.get(CACHE) or Path.home() / ".cache" / "shallowsight")
