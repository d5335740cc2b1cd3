"""The key of a judge's endpoint: from the environment or a mounted file, from nowhere else, and never shown."""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from shallowsight.errors import ConfigurationError

KEY = "SHALLOWSIGHT_JUDGE_KEY"
KEY_FILE = "SHALLOWSIGHT_JUDGE_KEY_FILE"
_LONGEST = 4_096  # bytes


def read_key(url: str, variables: Mapping[str, str] = os.environ) -> SecretStr | None:
    """The key for an endpoint, or None where none is given: a server of your own may need none.

    Raises:
        ConfigurationError: two keys are given, the file cannot be read, the key has characters that no header may have,
            or it would travel unencrypted to another machine.
    """
    given, file = variables.get(KEY), variables.get(KEY_FILE)
    if given and file:
        raise ConfigurationError(f"both {KEY} and {KEY_FILE} are set; keep one of them")
    key = _from_file(Path(file)) if file else (given or "").strip()
    if not key:
        return None
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigurationError(f"the key in {KEY_FILE if file else KEY} has spaces or characters that no key has")
    if urlsplit(url).scheme != "https" and not _is_this_machine(url):
        raise ConfigurationError(
            f"judge.url is {url}: the key would be sent unencrypted; use https, or unset {KEY} and {KEY_FILE} if the "
            "server needs none"
        )
    return SecretStr(key)


def _from_file(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(_LONGEST + 1)
        text = raw.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(f"{KEY_FILE}={file}: the file cannot be read ({reason})") from None
    if not text or len(raw) > _LONGEST:
        raise ConfigurationError(f"{KEY_FILE}={file}: the file {'is too large for a key' if text else 'is empty'}")
    return text


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
