"""Local copies of objects of a bucket. A copy is complete or does not exist, and is made once for each content."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shallowsight.errors import ConfigurationError, ShallowsightError
from shallowsight.store.cache import CACHE, cache_folder
from shallowsight.store.digest import digest_of
from shallowsight.store.disk import sync
from shallowsight.store.objects.objects import Objects, Stamp
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.whole_folder import whole_folder


def copy_of_file(url: str) -> Path:
    """Copy one object to this machine; the copy has the object's name.

    Raises:
        ConfigurationError: there is no such object, or the store refuses.
        StoreUnavailable: the store does not answer.
        ShallowsightError: this machine's disk has no space, or the object keeps changing.
    """
    folder, _, name = url.rpartition("/")
    return _copy(folder, name, lambda key: key == name, url) / name


def copy_of_folder(url: str, wanted: Callable[[str], bool]) -> Path:
    """Copy those objects below a URL whose keys are wanted to this machine; raises as `copy_of_file`."""
    return _copy(url.rstrip("/"), "", wanted, url)


def bring(objects: Objects, key: str, to: Path) -> None:
    """Copy one object to the path `to`; raises CorruptOutput if there is no such object, or if it keeps changing."""
    found = objects.fetch(key, to)
    if found != to:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found, to)


@contextmanager
def room_for(what: str, size: int, folder: Path) -> Iterator[None]:
    """Check the free space before the block writes `size` bytes below an existing folder, and explain write errors.

    Raises:
        ShallowsightError: the disk has too little space, before or during the block, or a write fails otherwise.
    """
    free = shutil.disk_usage(folder).free
    mend = f"make room, or choose another disk ({CACHE} for what comes from a bucket, --out for a study in a folder)"
    if size > free:
        raise ShallowsightError(
            f"{what} need {size / 1e9:.3g} GB, the disk of {folder} has {free / 1e9:.3g} left; {mend}"
        )
    try:
        yield
    except OSError as error:
        raise ShallowsightError(
            f"{what} cannot be written below {folder}: {error.strerror or error}; {mend}"
        ) from error


def _copy(folder: str, prefix: str, wanted: Callable[[str], bool], shown: str) -> Path:
    objects = open_objects(folder)
    listed = _listed(objects, prefix, wanted)
    if not listed:
        raise ConfigurationError(f"there is no {shown}; look at the path, capitals count")
    # The server's URL too: two servers may have buckets of the same name.
    what = [os.environ.get("AWS_ENDPOINT_URL", ""), folder, [[k, s.size, s.version] for k, s in sorted(listed.items())]]
    place = cache_folder() / "copies" / digest_of(what)
    place.parent.mkdir(parents=True, exist_ok=True)
    with _locked(place.with_suffix(".lock")):
        if _is_whole(place, listed):
            return place
        _remove_asides(place)
        size = sum(stamp.size for stamp in listed.values())
        with room_for(f"the files of {shown}", size, place.parent), whole_folder(place) as new:
            for key in listed:
                bring(objects, key, new / key)
            if _listed(objects, prefix, wanted) != listed:
                raise ShallowsightError(f"{shown} changed while it was read; run the same command again")
            for path in (*new.rglob("*"), new):
                sync(path)
        sync(place.parent)
    return place


def _is_whole(place: Path, listed: Mapping[str, Stamp]) -> bool:
    """Whether all files of a copy are there: a power failure or a cleanup may have removed some."""
    files = ((place / key, stamp.size) for key, stamp in listed.items())
    return all(file.is_file() and file.stat().st_size == size for file, size in files)


def _remove_asides(place: Path) -> None:
    """Delete the unfinished copies of killed processes; safe, because the caller holds the lock."""
    for aside in place.parent.glob(f".{place.name}-*"):
        shutil.rmtree(aside)


def _listed(objects: Objects, prefix: str, wanted: Callable[[str], bool]) -> dict[str, Stamp]:
    return {key: stamp for key, stamp in objects.stamps(prefix) if wanted(key)}


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process of this machine copy at a time; the other processes wait and then find the copy."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
