"""Files of a git clone whose contents git-lfs has not fetched yet."""

from pathlib import Path

_POINTER = b"version https://git-lfs"
MEND = "run `git lfs pull` in its clone"


def is_pointer(path: Path) -> bool:
    """Whether the file only says where git-lfs would find the contents."""
    with path.open("rb") as file:
        return file.read(len(_POINTER)) == _POINTER
