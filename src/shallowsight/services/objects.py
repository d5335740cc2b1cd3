"""Objects: whole files under flat keys, below one prefix of a folder or of an S3 bucket."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from unicodedata import category
from urllib.parse import unquote, urlsplit

from shallowsight.errors import ConfigurationError

ASIDE = ".aside"  # the folder twin writes there what is not whole yet; no segment of a key has this name
_LONGEST = 1000  # bytes of UTF-8; S3 allows 1024 together with the prefix


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


class Objects(Protocol):
    """A key is a relative path such as `cells/0a1b/scores.json`, and never also the folder of another key.

    A version is opaque and stands for content: the same bytes written again have the same version. Every method
    raises StoreUnavailable when the store cannot be reached for long, and ConfigurationError when it refuses.
    """

    url: str

    def put_file(self, key: str, path: Path) -> None:
        """The object appears whole or not at all; the file stays as it is."""

    def put_bytes(self, key: str, data: bytes) -> None:
        """The object appears whole or not at all."""

    def get_bytes(self, key: str) -> bytes | None:
        """None when there is no such object."""

    def fetch(self, key: str, to: Path) -> Path:
        """A local file with the content: `to`, or the object itself where that is a file (so never write to it).

        Raises:
            CorruptOutput: there is no such object, or it keeps changing while it is read.
        """

    def keys(self, prefix: str = "") -> list[str]:
        """All that begin with these characters, sorted."""

    def stamps(self, prefix: str = "") -> Iterator[tuple[str, Stamp]]:
        """The same with their stamps, as they are listed: a page at a time, and nothing is read."""

    def delete(self, key: str) -> None:
        """Fine when there is no such object."""

    def create(self, key: str, data: bytes) -> str | None:
        """The version, or None if there is an object already: of many callers, one creates it.

        When an answer was lost on the way, an object of the same bytes counts as this caller's own. Where that
        matters, put something into the data that nobody else has.
        """

    def replace(self, key: str, data: bytes, version: str) -> str | None:
        """The new version, or None if the object no longer has this one. Lost answers as with `create`."""

    def version(self, key: str) -> tuple[bytes, str] | None:
        """The content and its version; None when there is no such object."""


def open_objects(url: str, patience: float = 90.0) -> Objects:
    """`file:///folder` or `s3://bucket/prefix`; the scheme is the only switch.

    A bucket is asked once, so that wrong keys show now and not after hours of work. Each process opens its own.

    Args:
        patience: seconds for which a request to a store that does not answer is tried again.

    Raises:
        ConfigurationError: another scheme, or credentials, endpoint or bucket that are missing or wrong.
        MissingPackage: s3:// without the packages for it.
        StoreUnavailable: no answer in all that time.
    """
    # Each imports the keys of this module, and S3 more than a folder needs.
    parsed = urlsplit(url)
    if "@" in parsed.netloc:
        # Not repeated: it may hold a key.
        raise ConfigurationError("a store URL holds no user or password; set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY")
    if parsed.query or parsed.fragment:
        raise ConfigurationError(f"store {url!r}: a store has no part after '?' or '#'")
    if parsed.scheme == "file":
        from shallowsight.services.files import FileObjects

        if parsed.netloc or not parsed.path.startswith("/"):
            raise ConfigurationError(f"store {url!r}: write file:///absolute/folder")
        return FileObjects(Path(unquote(parsed.path)))
    if parsed.scheme == "s3":
        from shallowsight.services.s3.endpoint import Endpoint
        from shallowsight.services.s3.objects import open_bucket

        if not parsed.netloc:
            raise ConfigurationError(f"store {url!r}: write s3://bucket or s3://bucket/prefix")
        return open_bucket(Endpoint.from_environment(), parsed.netloc, parsed.path.strip("/"), patience)
    raise ConfigurationError(f"store {url!r}: write file:///absolute/folder or s3://bucket/prefix")


def check_key(key: str) -> str:
    """The key, if every store can hold it and a folder cannot be left by it.

    Raises:
        ConfigurationError: it says what is wrong with the key.
    """
    segments = key.split("/")
    if not key or "" in segments:
        raise ConfigurationError(f"object key {key!r}: write segments parted by single '/', none at either end")
    if {".", ".."} & set(segments):
        raise ConfigurationError(f"object key {key!r}: '.' and '..' are no segments")
    if ASIDE in segments:
        raise ConfigurationError(f"object key {key!r}: {ASIDE!r} is for what is not whole yet")
    return _check_characters(key)


def check_prefix(prefix: str) -> str:
    """The beginning of keys, if there can be such keys; it may end anywhere.

    Raises:
        ConfigurationError: it says what is wrong with the prefix.
    """
    if prefix:
        check_key(f"{prefix}x")
    return prefix


def _check_characters(key: str) -> str:
    # Listings are XML, which has no control characters or lone surrogates; SeaweedFS drops backslashes.
    if "\\" in key or any(category(c) in {"Cc", "Cs"} for c in key):
        raise ConfigurationError(f"object key {key!r}: no backslashes, control characters or lone surrogates")
    if len(key.encode()) > _LONGEST or max(len(part.encode()) for part in key.split("/")) > 255:
        raise ConfigurationError(f"object key {key[:60]!r}...: at most {_LONGEST} bytes, and 255 between two '/'")
    return key
