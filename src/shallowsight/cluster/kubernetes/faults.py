"""Faults of requests to a Kubernetes API server: whether a retry may help, and what a user can do."""

import json
import re
import ssl
from typing import Any

from shallowsight.errors import ConfigurationError

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT = 401, 403, 404, 409
_AGAIN = {408, 429, 500, 502, 503, 504}
_NO_ANSWER, _CERTIFICATE = 0, -1

# The texts of a refusal by RBAC and of a refusal by an admission webhook: status and reason are equal for both, so only
# the text tells them apart.
_RBAC = re.compile(r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"')
_WEBHOOK = re.compile(r"^admission webhook \S+ denied the request")


class Fault(Exception):
    """A request that was answered with an error, or not at all (status 0)."""

    def __init__(self, status: int, message: str, kind: str = "") -> None:
        """`kind` is the resource that the server names, if it answered as Kubernetes does."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind

    @property
    def is_passing(self) -> bool:
        """Whether a retry of the same request may succeed."""
        return self.status == _NO_ANSWER or self.status in _AGAIN

    @property
    def exists_already(self) -> bool:
        return self.status == _CONFLICT

    def is_absence_of(self, kind: str) -> bool:
        """Whether the object does not exist, although its kind and its namespace do."""
        return self.status == _NOT_FOUND and self.kind == kind

    def refusal(self, server: str, what: str) -> ConfigurationError:
        """The error for a user, with the remedy where one is known."""
        return ConfigurationError(f"the cluster {server}: {what}: {self._remedy()}")

    def _remedy(self) -> str:
        forbidden = _RBAC.search(self.message)
        if self.status == _NO_ANSWER:
            return self.message
        if self.status == _CERTIFICATE:
            return f"its certificate is not trusted; correct the certificate authority in the kubeconfig ({self})"
        if self.status == _UNAUTHORIZED:
            return f"it does not accept the credentials; log in again, or correct the user in the kubeconfig ({self})"
        if self.status == _FORBIDDEN and forbidden:
            user, verb, resource = forbidden.group("user", "verb", "resource")
            return (
                f"{user} may not {verb} {resource} there; apply manifests/base/access, which gives this right to the "
                f"service account of the pipelines, and run as that account ({self})"
            )
        if _WEBHOOK.match(self.message):
            return f"refused; if the runtime is missing, apply manifests/base/training ({self})"
        if self.status == _NOT_FOUND and self.kind == "namespaces":
            return f"there is no such namespace; apply the manifests, or name another one ({self})"
        if self.status == _NOT_FOUND and not self.kind:
            return f"it has no TrainJobs: install Kubeflow Trainer v2 ({self})"
        return f"refused with status {self.status} ({self})"


def fault_of(error: Exception) -> Fault:
    """The fault that an exception of the Kubernetes client stands for.

    Raises:
        Exception: the error itself, if neither the network nor the server caused it.
    """
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError, SSLError

    if isinstance(error, Fault):
        return error
    if isinstance(error, ApiException) and isinstance(error.__context__, SSLError):
        untrusted = isinstance(error.__context__.args[0], ssl.SSLCertVerificationError)
        return Fault(_CERTIFICATE if untrusted else _NO_ANSWER, f"no answer, {error.__context__}")
    if isinstance(error, ApiException):
        return _answered(error.status, error.reason or "", error.body)
    if isinstance(error, HTTPError):
        return Fault(_NO_ANSWER, f"no answer, {error}")
    raise error


def _answered(status: int, reason: str, content: str | bytes | None) -> Fault:
    text = content.decode(errors="replace") if isinstance(content, bytes) else content or ""
    try:
        found: Any = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("kind") != "Status":
        return Fault(status, f"{status} {reason}: {text.strip()[:300]}".rstrip(": "))
    return Fault(status, found.get("message") or reason, (found.get("details") or {}).get("kind") or "")
