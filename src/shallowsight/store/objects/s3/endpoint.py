"""The address of an S3 API and its credentials, from the AWS_ variables of the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from shallowsight.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An S3 API. The secrets are not in the repr, so that they do not get into logs and messages."""

    host: str  # with the port, if any
    secure: bool
    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    region: str | None = None  # None: the client asks the server

    @property
    def url(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}"

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> "Endpoint":
        """AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; AWS_REGION and AWS_SESSION_TOKEN may be left out.

        Raises:
            ConfigurationError: a needed variable is missing, or the endpoint is not a URL of this form.
        """
        needed = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        missing = [name for name in needed if not variables.get(name)]
        if missing:
            raise ConfigurationError(
                f"an s3:// store needs {', '.join(missing)} in the environment "
                "(AWS_ENDPOINT_URL is https://host[:port], for Amazon https://s3.amazonaws.com)"
            )
        host, secure = _host(variables["AWS_ENDPOINT_URL"])
        return cls(
            host=host,
            secure=secure,
            access_key=variables["AWS_ACCESS_KEY_ID"],
            secret_key=variables["AWS_SECRET_ACCESS_KEY"],
            session_token=variables.get("AWS_SESSION_TOKEN") or None,
            region=variables.get("AWS_REGION") or None,
        )


def _host(url: str) -> tuple[str, bool]:
    wrong = ConfigurationError(
        # The message does not repeat a URL that may contain a password.
        f"AWS_ENDPOINT_URL{'' if '@' in url else f' is {url!r}'}: write https://host[:port] or http://host[:port], "
        "without user name, path or bucket"
    )
    try:
        parsed = urlsplit(url)
        port = parsed.port  # asking for it checks it
    except ValueError:
        raise wrong from None
    if parsed.scheme not in {"https", "http"} or not parsed.hostname or parsed.username is not None or port == 0:
        raise wrong
    if parsed.path not in {"", "/"} or parsed.query or parsed.fragment:
        raise wrong
    return parsed.netloc, parsed.scheme == "https"
