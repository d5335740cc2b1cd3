"""Which object keys every store can hold."""

from unicodedata import category

from shallowsight.errors import ConfigurationError

ASIDE = ".aside"  # in a folder, unfinished files are written there; no segment of a key has this name
_LONGEST = 1000  # bytes of UTF-8; S3 allows 1024 together with the prefix


def check_key(key: str) -> str:
    """The key, if every store can hold it and its path stays within the store's folder.

    Raises:
        ConfigurationError: it says what is wrong with the key.
    """
    segments = key.split("/")
    if not key or "" in segments:
        raise ConfigurationError(
            f"object key {key!r}: write segments with a single '/' between two, none at either end"
        )
    if {".", ".."} & set(segments):
        raise ConfigurationError(f"object key {key!r}: '.' and '..' cannot be segments")
    if ASIDE in segments:
        raise ConfigurationError(f"object key {key!r}: {ASIDE!r} is reserved for unfinished files")
    return _check_characters(key)


def check_prefix(prefix: str) -> str:
    """The prefix, if there can be keys with it; it may end anywhere in a key.

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
