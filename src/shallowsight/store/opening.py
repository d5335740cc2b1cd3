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
    """The store at a folder's path, or at a URL as `open_store` takes it."""
    return open_store(place, run) if "://" in place else Store(Path(place).resolve())


def open_store(url: str, run: str = "") -> Store:
    """The store at `file:///folder` or `s3://bucket/prefix`; only the scheme decides the kind.

    Several pipeline runs may use one bucket at the same time: `run` names the run whose study the store reads. Without
    it the store reads the study that was started last. A folder has one run at a time.

    Raises:
        ConfigurationError: an unknown scheme, a relative path, or a request that the bucket refuses.
        StoreUnavailable: the bucket's server does not answer.
    """
    objects = open_objects(url)
    if urlsplit(objects.url).scheme == "file":
        return Store(Path(unquote(urlsplit(objects.url).path)))
    # The server's URL too: two servers may have buckets of the same name.
    place = f"{os.environ.get('AWS_ENDPOINT_URL', '')} {objects.url}"
    return MirroredStore(objects, cache_folder() / hashlib.sha256(place.encode()).hexdigest()[:16], run)
