"""A folder that appears with all of its files or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """An empty folder beside `out`, which replaces `out` when the block ends without an error."""
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        new = aside / "new"
        new.mkdir()
        yield new
        if out.exists():
            out.rename(aside / "old")
        new.rename(out)
    except BaseException:
        if (aside / "old").exists() and not out.exists():
            (aside / "old").rename(out)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
