"""Objects in an S3 bucket. Large objects are sent in parts, and every part has its own retries."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from shallowsight.errors import CorruptOutput
from shallowsight.store.objects.keys import check_key, check_prefix
from shallowsight.store.objects.objects import Stamp
from shallowsight.store.objects.patience import Patience
from shallowsight.store.objects.s3.bucket import Bucket
from shallowsight.store.objects.s3.endpoint import Endpoint
from shallowsight.store.objects.s3.faults import CHANGED, NO_SUCH_KEY, NO_SUCH_UPLOAD, Fault

T = TypeVar("T")

_PART = 8 << 20  # bytes; a part must be sent within one timeout, which needs 2.3 Mbit/s
_MOST_PARTS = 10_000  # S3's limit for one object
_AT_ONCE = 3  # parts that are sent or read at the same time
_TIMEOUT = 30.0  # seconds for one try
_BEGINNINGS = 3  # how often a transfer that must start again from its first part is started


def open_bucket(endpoint: Endpoint, name: str, prefix: str, patience: float, timeout: float = _TIMEOUT) -> "S3Objects":
    """Open a bucket and send it one request as a check.

    Raises:
        ConfigurationError: the server refuses; the message gives the reason.
        StoreUnavailable: the server does not answer.
        MissingPackage: minio is not installed.
    """
    url = f"s3://{name}/{check_key(prefix)}" if prefix else f"s3://{name}"
    below = f"{prefix}/" if prefix else ""
    bucket = Bucket(endpoint, name, Patience(f"store {url} at {endpoint.url}", patience), timeout)
    bucket.look(below)
    return S3Objects(url, bucket, below)


class S3Objects:
    """Objects of one bucket whose names begin with `prefix`."""

    def __init__(self, url: str, bucket: Bucket, prefix: str) -> None:
        self.url = url
        self._bucket = bucket
        self._prefix = prefix

    def put_file(self, key: str, path: Path) -> None:
        def read(offset: int, size: int) -> bytes:
            with path.open("rb") as source:
                source.seek(offset)
                return source.read(size)

        self._write(self._name(key), path.stat().st_size, read)

    def put_bytes(self, key: str, data: bytes) -> None:
        self._write(self._name(key), len(data), lambda offset, size: data[offset : offset + size])

    def get_bytes(self, key: str) -> bytes | None:
        found = self.version(key)
        return found[0] if found else None

    def fetch(self, key: str, to: Path) -> Path:
        name = self._name(key)
        to.parent.mkdir(parents=True, exist_ok=True)
        aside = to.with_name(f".{uuid4().hex}.part")
        try:
            for _ in range(_BEGINNINGS):
                try:
                    self._read(name, aside)
                except Fault as fault:
                    if fault.code == NO_SUCH_KEY:
                        raise CorruptOutput(f"{self.url}/{key} is missing") from None
                    assert fault.code == CHANGED
                else:
                    return aside.replace(to)
        finally:
            aside.unlink(missing_ok=True)
        raise CorruptOutput(f"{self.url}/{key} keeps changing while it is read")

    def keys(self, prefix: str = "") -> list[str]:
        return sorted(key for key, _ in self.stamps(prefix))

    def stamps(self, prefix: str = "") -> Iterator[tuple[str, Stamp]]:
        for name, size, version in self._bucket.entries(self._prefix + check_prefix(prefix)):
            yield name.removeprefix(self._prefix), Stamp(size, version)

    def delete(self, key: str) -> None:
        self._bucket.delete(self._name(key))

    def create(self, key: str, data: bytes) -> str | None:
        return self._bucket.put_if(self._name(key), data, {"If-None-Match": "*"})

    def replace(self, key: str, data: bytes, version: str) -> str | None:
        return self._bucket.put_if(self._name(key), data, {"If-Match": version})

    def version(self, key: str) -> tuple[bytes, str] | None:
        try:
            return self._bucket.get(self._name(key))
        except Fault:  # there is no such key
            return None

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)

    def _write(self, name: str, size: int, read: Callable[[int, int], bytes]) -> None:
        if size <= _PART:
            self._bucket.put(name, read(0, size))
            return
        for left in reversed(range(_BEGINNINGS)):
            try:
                return self._write_parts(name, size, read)
            except Fault as fault:
                # The server dropped the upload, or it joined the parts and its answer was lost.
                if fault.code != NO_SUCH_UPLOAD or not left:
                    raise

    def _write_parts(self, name: str, size: int, read: Callable[[int, int], bytes]) -> None:
        part = max(_PART, math.ceil(size / _MOST_PARTS))
        upload = self._bucket.start_parts(name)

        def put(number: int) -> str:
            return self._bucket.put_part(name, upload, number + 1, read(number * part, part))

        try:
            self._bucket.end_parts(name, upload, _side_by_side(put, math.ceil(size / part)))
        except BaseException:
            # The parts that a killed process leaves can only be removed by a lifecycle rule of the bucket.
            with suppress(Exception):
                self._bucket.drop_parts(name, upload)
            raise

    def _read(self, name: str, to: Path) -> None:
        size, version = self._bucket.size(name)
        with to.open("wb") as whole:
            whole.truncate(size)

        def get(number: int) -> None:
            data, _ = self._bucket.get(name, number * _PART, _PART, version)
            with to.open("r+b") as whole:
                whole.seek(number * _PART)
                whole.write(data)

        _side_by_side(get, math.ceil(size / _PART))


def _side_by_side(work: Callable[[int], T], count: int) -> list[T]:
    """Run `work` for 0 to `count` - 1 in threads; results in order.

    After a failure no further part is started, so that an outage takes the retries of one part and not of all.
    """
    failures: list[BaseException] = []

    def one(number: int) -> list[T]:
        if failures:
            return []
        try:
            return [work(number)]
        except BaseException as error:
            failures.append(error)
            raise

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [result for results in pool.map(one, range(count)) for result in results]
