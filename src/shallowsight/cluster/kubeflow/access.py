"""Where a Kubeflow Pipelines installation is, and how to show who one is. No secret is ever an argument.

Read from the environment: KF_PIPELINES_ENDPOINT and KF_PIPELINES_UI_ENDPOINT (as Kubeflow's own client does),
SHALLOWSIGHT_KFP_TOKEN (a bearer token), KF_PIPELINES_SA_TOKEN_PATH (a mounted token of a service account).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from shallowsight.errors import ConfigurationError

IN_CLUSTER = "KUBERNETES_SERVICE_HOST"  # Kubernetes sets it in every pod
HOST, PAGES = "KF_PIPELINES_ENDPOINT", "KF_PIPELINES_UI_ENDPOINT"
TOKEN, TOKEN_FILE = "SHALLOWSIGHT_KFP_TOKEN", "KF_PIPELINES_SA_TOKEN_PATH"


@dataclass(frozen=True, kw_only=True)
class Access:
    """Without a host: the service of the cluster that this runs in, or that the kube context leads to."""

    host: str | None
    namespace: str | None  # of the user, on an installation with many
    context: str | None
    token_file: Path | None  # read anew for every request: what mounts it, renews it
    token: str | None = field(default=None, repr=False)
    pages: str | None = None  # where a browser finds it

    @property
    def shown(self) -> str:
        """For messages."""
        return self.host or f"the Kubeflow Pipelines of {f'context {self.context}' if self.context else 'this cluster'}"

    def secrets(self) -> list[str]:
        """What no message may hold."""
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
    """What was named goes before the environment; a token file before a token.

    Raises:
        ConfigurationError: nothing named, a host that is no URL, or a token that is none or cannot be read.
    """
    if host and context:
        raise ConfigurationError("--host and --context are two ways to the same: give one")
    found = None if context else host or variables.get(HOST) or None
    if found is None and not context and not variables.get(IN_CLUSTER):
        # Decided before anything is sent: kfp's client would take a token to whatever listens on this machine.
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
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(f"token file {path}: {why}") from None


def _require_token(token: str, where: str) -> None:
    # A header cannot carry anything else, and the error of whoever tries would show it.
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(f"{where} holds no token: it is empty, or of several words or lines")


def _url(host: str | None) -> str | None:
    if host is None:
        return None
    parsed = urlsplit(host)
    if "@" in parsed.netloc:
        # Not repeated: it may hold a password.
        raise ConfigurationError(f"--host holds no user or password; set {TOKEN}, or give --token-file")
    if parsed.scheme not in {"http", "https"} or not parsed.hostname or parsed.query or parsed.fragment:
        raise ConfigurationError(f"--host {host!r}: write https://host[:port][/path], as without the '#' of its pages")
    return host.rstrip("/")
