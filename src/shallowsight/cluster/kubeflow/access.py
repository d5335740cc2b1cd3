"""The address of a Kubeflow Pipelines installation, and the credentials for it. A secret is never an argument.

Read from the environment: KF_PIPELINES_ENDPOINT and KF_PIPELINES_UI_ENDPOINT (as Kubeflow's own client does),
SHALLOWSIGHT_KFP_TOKEN (a bearer token), KF_PIPELINES_SA_TOKEN_PATH (a mounted token of a service account).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from shallowsight.errors import ConfigurationError

IN_CLUSTER = "KUBERNETES_SERVICE_HOST"  # a variable that Kubernetes sets in every pod
HOST, PAGES = "KF_PIPELINES_ENDPOINT", "KF_PIPELINES_UI_ENDPOINT"
TOKEN, TOKEN_FILE = "SHALLOWSIGHT_KFP_TOKEN", "KF_PIPELINES_SA_TOKEN_PATH"


@dataclass(frozen=True, kw_only=True)
class Access:
    """Without a host, the server is the service of the cluster that this runs in, or of the kube context's cluster."""

    host: str | None
    namespace: str | None  # of the user, on an installation with many users
    context: str | None
    token_file: Path | None  # read again for every request, because Kubernetes renews a mounted token
    token: str | None = field(default=None, repr=False)
    pages: str | None = None  # the URL of the installation's web pages

    @property
    def shown(self) -> str:
        """The installation's name in messages."""
        return self.host or f"the Kubeflow Pipelines of {f'context {self.context}' if self.context else 'this cluster'}"

    def secrets(self) -> list[str]:
        """The secrets, which no message may contain."""
        found = [self.token] if self.token else []
        if self.token_file is not None and self.token_file.is_file():
            found.append(self.token_file.read_text(encoding="utf-8").strip())
        return [secret for secret in found if secret]


def access(
    host: str | None = None,
    namespace: str | None = None,
    context: str | None = None,
    token_file: Path | None = None,
    variables: Mapping[str, str] = os.environ,
) -> Access:
    """An argument takes precedence over the environment, and a token file over a token.

    Raises:
        ConfigurationError: no installation is named, the host is no URL, or the token is malformed or cannot be read.
    """
    if host and context:
        raise ConfigurationError("--host and --context both name the server: give only one of them")
    found = None if context else host or variables.get(HOST) or None
    if found is None and not context and not variables.get(IN_CLUSTER):
        # Checked before anything is sent: kfp's client would send the token to any server that listens on this machine.
        raise ConfigurationError(
            f"no Kubeflow Pipelines named: give --host URL, set {HOST}, or --context NAME of a kube configuration"
        )
    named = token_file or (None if variables.get(TOKEN) else _path(variables.get(TOKEN_FILE)))
    if named is not None:
        _require_token(_read(named), str(named))
        return Access(
            host=_url(found), namespace=namespace, context=context, token_file=named, pages=variables.get(PAGES)
        )
    token = variables.get(TOKEN, "").strip() or None
    if token is not None:
        _require_token(token, TOKEN)
    return Access(
        host=_url(found),
        namespace=namespace,
        context=context,
        token_file=None,
        token=token,
        pages=variables.get(PAGES),
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise ConfigurationError(f"token file {path}: {why}") from None


def _require_token(token: str, where: str) -> None:
    # An HTTP header cannot hold any other text, and the HTTP client's error message would show the token.
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(f"{where} holds no token: it is empty, or has several words or lines")


def _url(host: str | None) -> str | None:
    if host is None:
        return None
    parsed = urlsplit(host)
    if "@" in parsed.netloc:
        # The message does not repeat the URL, which may contain a password.
        raise ConfigurationError(f"--host may not contain a user or a password; set {TOKEN}, or give --token-file")
    if parsed.scheme not in {"http", "https"} or not parsed.hostname or parsed.query or parsed.fragment:
        raise ConfigurationError(
            f"--host {host!r}: write https://host[:port][/path], without the '#...' of its web pages"
        )
    return host.rstrip("/")
