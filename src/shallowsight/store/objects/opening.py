"""Which kind of objects a URL names: a folder's or an S3 bucket's."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from shallowsight.errors import ConfigurationError
from shallowsight.store.objects.folder import FileObjects
from shallowsight.store.objects.objects import Objects


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
    parsed = urlsplit(url)
    if "@" in parsed.netloc:
        # Not repeated: it may hold a key.
        raise ConfigurationError("a store URL holds no user or password; set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY")
    if parsed.query or parsed.fragment:
        raise ConfigurationError(f"store {url!r}: a store has no part after '?' or '#'")
    if parsed.scheme == "file":
        if parsed.netloc or not parsed.path.startswith("/"):
            raise ConfigurationError(f"store {url!r}: write file:///absolute/folder")
        return FileObjects(Path(unquote(parsed.path)))
    if parsed.scheme == "s3":
        # Not at the top: minio is an extra that a folder does not need.
        from shallowsight.store.objects.s3.endpoint import Endpoint
        from shallowsight.store.objects.s3.objects import open_bucket

        if not parsed.netloc:
            raise ConfigurationError(f"store {url!r}: write s3://bucket or s3://bucket/prefix")
        return open_bucket(Endpoint.from_environment(), parsed.netloc, parsed.path.strip("/"), patience)
    raise ConfigurationError(f"store {url!r}: write file:///absolute/folder or s3://bucket/prefix")
