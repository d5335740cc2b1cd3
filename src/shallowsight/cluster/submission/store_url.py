"""Check that a URL names a store that a cluster can reach."""

from urllib.parse import urlsplit


def bucket_url(url: str) -> str:
    """`s3://bucket/prefix`, without a '/' at its end.

    Raises:
        ValueError: any other URL; the message does not repeat a URL that may contain a secret key.
    """
    parsed = urlsplit(url)
    if "@" in parsed.netloc:
        raise ValueError("a store URL holds no user or password; the pods have their credentials from a secret")
    if parsed.scheme != "s3" or not parsed.netloc or parsed.query or parsed.fragment:
        raise ValueError(f"store {url!r}: a cluster needs s3://bucket or s3://bucket/prefix")
    return url.rstrip("/")
