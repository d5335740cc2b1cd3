"""Objects: whole files under flat keys, below one prefix of a folder or of an S3 bucket.

A protocol of our own: fsspec has no conditional writes, and obstore has none that replace a version in a folder.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


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
