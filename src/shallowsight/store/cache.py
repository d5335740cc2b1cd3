"""Where copies of what lies in buckets are kept on this machine."""

import os
from pathlib import Path

CACHE = "SHALLOWSIGHT_CACHE"  # on a cluster a disk of the node


def cache_folder() -> Path:
    """Nothing in it is the only copy."""
    return Path(os.environ.get(CACHE) or Path.home() / ".cache" / "shallowsight")
