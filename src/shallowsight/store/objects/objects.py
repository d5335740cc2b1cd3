"""Objects: whole files under flat keys, below one prefix of a folder or of an S3 bucket.

This protocol exists because fsspec has no conditional writes, and because obstore cannot replace an object in a folder
on the condition that it still has a given version.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Stamp:
    """Two objects of one key with equal stamps have the same content.

    The version is that of `Objects.version`: the ETag in a bucket, the sha256 in a folder. This code relies on one
    property of an ETag only: a server gives different ETags to different contents. An ETag is not a checksum (most
    servers take the MD5, or a sum over the parts of an upload), and the same bytes, uploaded again in other parts or
    encrypted, may get a different ETag.
    """

    size: int  # bytes
    version: str


class Objects(Protocol):
    """Objects under keys. A key is a relative path such as `cells/0a1b/scores.json`, and not the folder of another key.

    A version is an opaque text that stands for content: the same bytes written again have the same version. Every
    method raises StoreUnavailable when the store gives no answer after all retries, and ConfigurationError when the
    store refuses the request.
    """

    url: str

    def put_file(self, key: str, path: Path) -> None:
        """Store a copy of a file; the object appears complete or not at all."""

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store bytes; the object appears complete or not at all."""

    def get_bytes(self, key: str) -> bytes | None:
        """The content; None when there is no such object."""

    def fetch(self, key: str, to: Path) -> Path:
        """A local file with the content: the path `to`, or the store's own file (so never write to the returned path).

        Raises:
            CorruptOutput: there is no such object, or the object keeps changing while it is read.
        """

    def keys(self, prefix: str = "") -> list[str]:
        """All keys that begin with the prefix, sorted."""

    def stamps(self, prefix: str = "") -> Iterator[tuple[str, Stamp]]:
        """Like `keys`, with the stamps, in the order of the store's listing; a bucket is listed page by page."""

    def delete(self, key: str) -> None:
        """Delete an object; no error when there is no such object."""

    def create(self, key: str, data: bytes) -> str | None:
        """Create an object and return its version, or None if it exists already: of many callers, one succeeds.

        If an answer was lost on the way, an existing object with the same bytes counts as created by this caller. A
        caller that must know puts something unique into the data.
        """

    def replace(self, key: str, data: bytes, version: str) -> str | None:
        """Replace an object and return its new version, or None if the object no longer has the given version.

        A lost answer has the same effect as with `create`.
        """

    def version(self, key: str) -> tuple[bytes, str] | None:
        """The content and its version; None when there is no such object."""
