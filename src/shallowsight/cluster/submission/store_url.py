"""Which URLs name a store that a cluster can reach."""

from urllib.parse import urlsplit


def bucket_url(url: str) -> str:
    """`s3://bucket/prefix`, without a '/' at its end.

    Raises:
        ValueError: anything else; a URL that may hold a key is not repeated.
    """
    parsed = urlsplit(url)
    if "@" in parsed.netloc:
        raise ValueError("a store URL holds no user or password; the pods have theirs from a secret")
    if parsed.scheme != "s3" or not parsed.netloc or parsed.query or parsed.fragment:
        raise ValueError(f"store {url!r}: a cluster needs s3://bucket or s3://bucket/prefix")
    return url.rstrip("/")
