"""Pictures in a bucket: their sizes and ETags from a listing, and copying them to this machine."""

import os
import posixpath
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from shallowsight.data.gate.images import ImageError, in_threads, require_plain
from shallowsight.errors import ConfigurationError, CorruptOutput, ShallowsightError
from shallowsight.store.copies import bring, room_for
from shallowsight.store.objects.keys import check_key
from shallowsight.store.objects.objects import Objects, Stamp
from shallowsight.store.objects.opening import open_objects

_AT_ONCE = 8  # pictures that are copied at the same time; the client keeps as many connections
_LARGE = 8 << 20  # bytes; a larger picture is copied in parts, so that it is never completely in memory


def require_some(url: str) -> None:
    """Raises ConfigurationError when there is no object below a URL, or the store refuses."""
    if next(open_objects(url).stamps(), None) is None:
        raise ConfigurationError(f"there is nothing below {url}; name the prefix that the image paths start from")


def picture_marks(url: str, names: Iterable[str]) -> dict[str, list[int | str]]:
    """Size and ETag of every picture that exists, from one listing; no picture is read.

    A changed picture never keeps its ETag, and a picture that was uploaded again unchanged mostly does: see `Stamp`.
    """
    keys = {name: key for name in names if (key := _key_of(name)) is not None}
    found = _found(open_objects(url), keys.values())
    return {name: [found[key].size, found[key].version] for name, key in keys.items() if key in found}


def bring_pictures(url: str, names: Iterable[str], to: Path, on_done: Callable[[int, int], None]) -> None:
    """Copy the pictures that exist into the new folder `to`; the gate refuses the rows of the missing ones.

    Args:
        on_done: called with the number of pictures copied so far, and the number of all.

    Raises:
        ShallowsightError: this machine's disk has no space, or a picture was deleted or changed meanwhile.
        StoreUnavailable: the store does not answer.
    """
    to.mkdir(parents=True)
    objects = open_objects(url)
    found = _found(objects, [key for name in names if (key := _key_of(name)) is not None])
    # Twice the size, because the pictures are also packed into shards on the same disk.
    size = 2 * sum(stamp.size for stamp in found.values())
    with room_for(f"the pictures of {url}, and the shards that are made of them,", size, to):
        try:
            brought = in_threads(lambda key: _bring(objects, key, found[key], to / key), found, _AT_ONCE)
            for done, _ in enumerate(brought, start=1):
                on_done(done, len(found))
        except CorruptOutput as fault:
            raise ShallowsightError(
                f"the data changed while it was read: {fault}; run the same command again"
            ) from None


def _bring(objects: Objects, key: str, listed: Stamp, to: Path) -> None:
    """Copy a picture with one request instead of two (size, content), because there may be a million pictures."""
    if listed.size > _LARGE:
        return bring(objects, key, to)
    found = objects.version(key)
    if found is None or found[1] != listed.version:
        raise CorruptOutput(f"{objects.url}/{key} was deleted or changed since it was listed")
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(found[0])


def _found(objects: Objects, keys: Collection[str]) -> Mapping[str, Stamp]:
    """The stamps of those keys that exist, from a listing of the keys' common prefix."""
    if not keys:
        return {}
    wanted = set(keys)
    together = os.path.commonprefix(list(wanted))  # noqa: RUF071, as keys begin with characters, not with folders
    return {key: stamp for key, stamp in objects.stamps(together) if key in wanted}


def _key_of(name: str) -> str | None:
    """The object key of a picture below its prefix; None if no object can have this name, or it leaves the prefix."""
    try:
        require_plain(name)
        return check_key(posixpath.normpath(name))  # `./a.png` and `a//b.png` are files in a folder too
    except (ImageError, ConfigurationError):
        return None
