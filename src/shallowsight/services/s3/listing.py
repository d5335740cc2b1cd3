"""A long list of objects: pages that are asked for again each on its own, so that one lost answer costs one page."""

from collections.abc import Iterator
from itertools import islice

from shallowsight.services.patience import Patience
from shallowsight.services.s3.connection import ask, connect
from shallowsight.services.s3.endpoint import Endpoint

_PAGE = 1000  # objects; the most that S3 gives at a time
_TIMEOUT = 30.0  # seconds of one try


def list_stamps(endpoint: Endpoint, bucket: str, prefix: str, patience: float = 90.0) -> Iterator[tuple[str, int, str]]:
    """Name, bytes and ETag of every object whose name begins so, in the order of the names.

    Args:
        patience: seconds for which one page is asked for again.

    Raises:
        ConfigurationError, StoreUnavailable: as `connection.ask`.
    """
    client = connect(endpoint, bucket, _TIMEOUT)
    waiting = Patience(f"store s3://{bucket} at {endpoint.url}", patience)

    def page(after: str | None) -> list[tuple[str, int, str]]:
        listed = client.list_objects(bucket, prefix=prefix, recursive=True, start_after=after)
        return [(each.object_name or "", each.size or 0, each.etag or "") for each in islice(listed, _PAGE)]

    after: str | None = None
    while True:
        found = ask(waiting, f"list {prefix!r}", lambda: page(after))  # noqa: B023, asked before `after` changes
        # A name with '/' at its end is a folder that somebody made in a console, or that SeaweedFS remembers.
        yield from (each for each in found if not each[0].endswith("/"))
        if len(found) < _PAGE:
            return
        after = found[-1][0]
