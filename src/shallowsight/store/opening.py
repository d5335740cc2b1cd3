"""Which kind of store a URL names."""

import hashlib
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from shallowsight.store.cache import CACHE as CACHE
from shallowsight.store.cache import cache_folder
from shallowsight.store.mirror import MirroredStore
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.store import Store


def open_named(place: str, run: str = "") -> Store:
    """A folder by its path, or what `open_store` takes."""
    return open_store(place, run) if "://" in place else Store(Path(place).resolve())


def open_store(url: str, run: str = "") -> Store:
    """`file:///folder` or `s3://bucket/prefix`; the scheme is the only switch.

    Of the pipeline runs that may be at work in one bucket at once, `run` is the one whose study is meant; without it
    the study that was begun last is. In a folder there is one run at a time.

    Raises:
        ConfigurationError: another scheme, a relative path, or what a bucket refuses.
        StoreUnavailable: the bucket's server does not answer.
    """
    objects = open_objects(url)
    if urlsplit(objects.url).scheme == "file":
        return Store(Path(unquote(urlsplit(objects.url).path)))
    # The server too: two may have buckets of one name.
    place = f"{os.environ.get('AWS_ENDPOINT_URL', '')} {objects.url}"
    return MirroredStore(objects, cache_folder() / hashlib.sha256(place.encode()).hexdigest()[:16], run)
