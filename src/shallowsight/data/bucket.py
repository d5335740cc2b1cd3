"""Records and pictures that lie in a bucket: what is known of them without reading them, and how they come here."""

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

_AT_ONCE = 8  # pictures on the way; the client keeps so many connections
_LARGE = 8 << 20  # bytes; a larger one comes in parts, and never lies in memory as a whole


def require_some(url: str) -> None:
    """Raises ConfigurationError when nothing lies below a URL, or the store refuses."""
    if next(open_objects(url).stamps(), None) is None:
        raise ConfigurationError(f"there is nothing below {url}; name the prefix that the image paths start from")


def picture_marks(url: str, names: Iterable[str]) -> dict[str, list[int | str]]:
    """Size and ETag of every picture that is there, from one listing; no picture is read.

    See `Stamp` for what an ETag is worth: a picture that was changed never keeps its mark, one that was only sent again
    mostly does.
    """
    keys = {name: key for name in names if (key := _key_of(name)) is not None}
    found = _found(open_objects(url), keys.values())
    return {name: [found[key].size, found[key].version] for name, key in keys.items() if key in found}


def bring_pictures(url: str, names: Iterable[str], to: Path, on_done: Callable[[int, int], None]) -> None:
    """Fill the new folder `to` with the pictures that are there; the gate says of the others why they are not.

    Args:
        on_done: told how many pictures are here, of how many.

    Raises:
        ShallowsightError: no space here, or a picture went away or changed meanwhile.
        StoreUnavailable: the store does not answer.
    """
    to.mkdir(parents=True)
    objects = open_objects(url)
    found = _found(objects, [key for name in names if (key := _key_of(name)) is not None])
    # Twice: they are packed into shards on the same disk.
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
    """In one request, where size and content would be two: there may be a million pictures."""
    if listed.size > _LARGE:
        return bring(objects, key, to)
    found = objects.version(key)
    if found is None or found[1] != listed.version:
        raise CorruptOutput(f"{objects.url}/{key} is no longer what was listed")
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(found[0])


def _found(objects: Objects, keys: Collection[str]) -> Mapping[str, Stamp]:
    """Those of the keys that there are; only what all of them begin with is listed."""
    if not keys:
        return {}
    wanted = set(keys)
    together = os.path.commonprefix(list(wanted))  # noqa: RUF071, as keys begin with characters, not with folders
    return {key: stamp for key, stamp in objects.stamps(together) if key in wanted}


def _key_of(name: str) -> str | None:
    """Where a picture lies below its prefix; None when no object can have this name, or it would leave the prefix."""
    try:
        require_plain(name)
        return check_key(posixpath.normpath(name))  # `./a.png` and `a//b.png` are files in a folder too
    except (ImageError, ConfigurationError):
        return None
