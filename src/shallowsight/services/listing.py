"""What lies below a URL, and what its store says of the content, without reading it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from shallowsight.digest import file_sha256
from shallowsight.services.objects import Objects, check_prefix, open_objects


@dataclass(frozen=True)
class Stamp:
    """Two objects of one key with equal stamps have the same content.

    The version is that of `Objects.version`: the ETag in a bucket, the sha256 in a folder. What an ETag is worth: a
    server gives another one to other content, which is all that is built on here. It is no checksum to rely on (most
    servers take the MD5, or a sum over the parts of an upload), and the same bytes sent again in other parts, or
    encrypted, may have another one.
    """

    size: int  # bytes
    version: str


def stamps(url: str, prefix: str = "") -> Iterator[tuple[str, Stamp]]:
    """Key and stamp of everything below a URL whose key begins with these characters; a page at a time.

    Raises:
        ConfigurationError: as `open_objects`.
        StoreUnavailable: no answer for as long as `open_objects` is patient, to any one page.
    """
    objects = open_objects(url)  # it checks the URL, and looks into the bucket
    parsed = urlsplit(objects.url)
    if parsed.scheme == "file":
        yield from _of_files(objects, prefix)
        return
    from shallowsight.services.s3.endpoint import Endpoint
    from shallowsight.services.s3.listing import list_stamps

    below = f"{parsed.path.strip('/')}/".lstrip("/")  # nothing, where the URL names a bucket alone
    for name, size, etag in list_stamps(Endpoint.from_environment(), parsed.netloc, below + check_prefix(prefix)):
        yield name.removeprefix(below), Stamp(size, f'"{etag}"')


def _of_files(objects: Objects, prefix: str) -> Iterator[tuple[str, Stamp]]:
    for key in objects.keys(prefix):
        path = objects.fetch(key, Path(key))  # the file itself
        yield key, Stamp(path.stat().st_size, file_sha256(path))
