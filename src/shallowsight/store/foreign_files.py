"""Leave a folder alone that holds other files than ours: a whole folder that replaced it would delete them."""

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from shallowsight.errors import ConfigurationError
from shallowsight.store.disk import require_writable

_SHOWN = 5  # names in a message


def refuse_foreign(out: Path, what: str, is_own: Callable[[str], bool]) -> None:
    """Check that `out` is missing, empty, or holds nothing but files of an earlier `what`, such as "report".

    Args:
        is_own: whether a file belongs to `what`, by its path below `out`, with `/`.

    Raises:
        ConfigurationError: `out` holds something else, is a file or lies below one, or cannot be read or written.
    """
    asked = f"asked to write the {what} into {out}"
    require_writable(out.absolute(), asked)
    # No more names than are shown are looked for: `out` may be a home folder.
    foreign = list(islice((name for name in _entries(out, asked) if not is_own(name)), _SHOWN + 1))
    if foreign:
        shown = ", ".join(foreign[:_SHOWN]) + (" and others" if len(foreign) > _SHOWN else "")
        raise ConfigurationError(
            f"{asked}, but this folder holds other files, which would be deleted: {shown}; name a new or empty "
            f"folder, or one that holds nothing but an earlier {what}"
        )


def _entries(out: Path, asked: str) -> Iterator[str]:
    """The files below a folder, links, and the folders with nothing in them."""

    def refuse(error: OSError) -> None:
        raise ConfigurationError(f"{asked}, but {error.filename} cannot be read: {error.strerror}; name a new folder")

    for folder, folders, files in os.walk(out, onerror=refuse) if out.exists() else ():
        here = Path(folder)
        folders.sort()
        links = [name for name in folders if (here / name).is_symlink()]
        yield from ((here / name).relative_to(out).as_posix() for name in sorted([*files, *links]))
        if here != out and not folders and not files:
            yield here.relative_to(out).as_posix()
