"""Requests to one S3 bucket, one request for each method."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from shallowsight.store.objects.patience import Patience
from shallowsight.store.objects.s3.connection import ask, connect
from shallowsight.store.objects.s3.endpoint import Endpoint
from shallowsight.store.objects.s3.faults import NOT_S3, Fault, fault_of

T = TypeVar("T")

_PAGE = 1000  # objects; the most that S3 lists at a time


class Bucket:
    """One S3 bucket. Threads may share this object; every process must make its own.

    Every method raises as `connection.ask` does.
    """

    def __init__(self, endpoint: Endpoint, name: str, patience: Patience, timeout: float) -> None:
        self._name = name
        self._patience = patience
        self._client = connect(endpoint, name, timeout)

    def look(self, prefix: str) -> None:
        """Check that the bucket exists and that the credentials can read it."""

        def request() -> None:
            # Not the HEAD request of minio's bucket_exists: its answer does not give the reason of a refusal.
            query = {"list-type": "2", "max-keys": "1", "prefix": prefix}
            answer = self._client._execute("GET", self._name, query_params={**query})
            if b"<ListBucketResult" not in answer.data:
                raise Fault(NOT_S3, "the answer is no list of objects", answer.status)

        self._ask("look into the bucket", request)

    def get(self, key: str, offset: int = 0, length: int = 0, version: str | None = None) -> tuple[bytes, str]:
        """Content and version of an object; `length` 0 reads to its end. A given `version` must be the object's."""
        return self._ask(f"read {key!r}", lambda: self._get(key, offset, length, version))

    def size(self, key: str) -> tuple[int, str]:
        """Size in bytes and version."""

        def request() -> tuple[int, str]:
            found = self._client.stat_object(self._name, key)
            return found.size or 0, f'"{found.etag}"'

        return self._ask(f"look at {key!r}", request)

    def put(self, key: str, data: bytes) -> str:
        return self._ask(f"write {key!r}", lambda: self._put(key, data))

    def put_if(self, key: str, data: bytes, condition: dict[str, str]) -> str | None:
        """Write under a condition and return the version; None when the condition does not hold."""
        unsure = False  # an earlier try got no answer, and the server may have carried it out

        def request() -> str | None:
            nonlocal unsure
            try:
                return self._put(key, data, condition)
            except Exception as error:
                if not fault_of(error).is_condition:
                    unsure = True
                    raise
            if not unsure:
                return None
            found, version = self._get(key)
            return version if found == data else None

        try:
            return self._ask(f"write {key!r}", request)
        except Fault:  # the object was deleted meanwhile
            return None

    def delete(self, key: str) -> None:
        self._ask(f"delete {key!r}", lambda: self._client.remove_object(self._name, key))

    def entries(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        """Name, size in bytes and version of every object whose name has the prefix; a retry repeats one page only."""

        def page(after: str | None) -> list[tuple[str, int, str]]:
            listed = self._client.list_objects(self._name, prefix=prefix, recursive=True, start_after=after)
            return [(each.object_name or "", each.size or 0, f'"{each.etag}"') for each in islice(listed, _PAGE)]

        after: str | None = None
        while True:
            found = self._ask(f"list {prefix!r}", lambda: page(after))  # noqa: B023, asked before `after` changes
            # A name that ends with '/' is a folder that a user made in a console, or that SeaweedFS still lists.
            yield from (each for each in found if not each[0].endswith("/"))
            if len(found) < _PAGE:
                return
            after = found[-1][0]

    # Multipart uploads by hand, because the client's own upload would retry a large file from its first byte.

    def start_parts(self, key: str) -> str:
        return self._ask(f"begin {key!r}", lambda: self._client._create_multipart_upload(self._name, key, {}))

    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """The part's tag, for `end_parts`."""
        return self._ask(
            f"write part {number} of {key!r}",
            lambda: self._client._upload_part(self._name, key, data, None, upload, number),
        )

    def end_parts(self, key: str, upload: str, tags: Sequence[str]) -> None:
        """Join the parts; the object appears."""
        from minio.datatypes import Part

        parts = [Part(number, tag) for number, tag in enumerate(tags, start=1)]

        def request() -> None:
            # S3 sends the status 200 before the parts are joined, and an error may follow in the body.
            if not self._client._complete_multipart_upload(self._name, key, upload, parts).etag:
                raise Fault("InternalError", "the parts were not joined", 500)

        self._ask(f"join the parts of {key!r}", request)

    def drop_parts(self, key: str, upload: str) -> None:
        """Cancel the upload, without retries: the server may be the reason why the upload failed."""
        self._client._abort_multipart_upload(self._name, key, upload)

    def _get(self, key: str, offset: int = 0, length: int = 0, version: str | None = None) -> tuple[bytes, str]:
        answer = self._client.get_object(
            self._name, key, offset, length, request_headers={"If-Match": version} if version else None
        )
        try:
            return answer.read(), answer.headers.get("etag", "")
        finally:
            answer.close()
            answer.release_conn()

    def _put(self, key: str, data: bytes, condition: dict[str, str] | None = None) -> str:
        # The client's put_object takes no conditions, so this sends the same request with them.
        answer = self._client._execute("PUT", self._name, key, body=data, headers={**(condition or {})})
        return answer.headers.get("etag", "")

    def _ask(self, what: str, request: Callable[[], T]) -> T:
        return ask(self._patience, what, request)
