"""Which kind of objects a URL names: a folder's or an S3 bucket's."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from shallowsight.errors import ConfigurationError
from shallowsight.store.objects.folder import FileObjects
from shallowsight.store.objects.objects import Objects


def open_objects(url: str, patience: float = 90.0) -> Objects:
    """The objects below `file:///folder` or `s3://bucket/prefix`; only the scheme decides the kind.

    One request is sent to a bucket, so that wrong credentials show now and not after hours of work. Every process must
    call this function itself.

    Args:
        patience: seconds for which a request to a store that does not answer is tried again.

    Raises:
        ConfigurationError: the scheme is unknown, or credentials, endpoint or bucket are missing or wrong.
        MissingPackage: the URL is s3://, and the packages for it are not installed.
        StoreUnavailable: no answer for `patience` seconds.
    """
    parsed = urlsplit(url)
    if "@" in parsed.netloc:
        # The message does not repeat the URL, which may contain a secret key.
        raise ConfigurationError("a store URL holds no user or password; set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY")
    if parsed.query or parsed.fragment:
        raise ConfigurationError(f"store {url!r}: a store has no part after '?' or '#'")
    if parsed.scheme == "file":
        if parsed.netloc or not parsed.path.startswith("/"):
            raise ConfigurationError(f"store {url!r}: write file:///absolute/folder")
        return FileObjects(Path(unquote(parsed.path)))
    if parsed.scheme == "s3":
        # Imported here, because minio is an optional package that a store in a folder does not need.
        from shallowsight.store.objects.s3.endpoint import Endpoint
        from shallowsight.store.objects.s3.objects import open_bucket

        if not parsed.netloc:
            raise ConfigurationError(f"store {url!r}: write s3://bucket or s3://bucket/prefix")
        return open_bucket(Endpoint.from_environment(), parsed.netloc, parsed.path.strip("/"), patience)
    raise ConfigurationError(f"store {url!r}: write file:///absolute/folder or s3://bucket/prefix")
