"""Refusals of a Kubeflow Pipelines server, as one line that says how to mend it and contains no secret."""

import json
import re

from shallowsight.cluster.kubeflow.access import TOKEN, Access
from shallowsight.cluster.kubeflow.pipelines import Refusal
from shallowsight.errors import ConfigurationError, ShallowsightError

# Tokens are removed from the answer, because a server may repeat the request's token in it.
_SECRETS = re.compile(r"(?i)bearer\s+[^\s\"',;]+|eyJ[\w-]{8,}(?:\.[\w-]+)*")
_LONGEST = 300  # the most characters of a server's answer in a message


class ServerRefused(ConfigurationError):
    """The server understood the request and refused it."""


class NotThere(ServerRefused):
    """The server has no object of this id or name."""


class ServerUnavailable(ShallowsightError):
    """The server gave no answer, or failed; the request may be right."""


def fault_of(refusal: Refusal, what: str, access: Access) -> ShallowsightError:
    """The error for a user."""
    says = _plain(refusal.text, access)
    found = f"{refusal.status}: {says}" if says else str(refusal.status)
    where = f"{access.shown}: {what}"
    match refusal.status:
        case 0:
            return ServerUnavailable(
                f"{where}: no answer ({says}); is the address right, and can this machine reach it?"
            )
        case 200:
            return ServerRefused(
                f"{where}: the answer is a web page ({says or 'of no type'}), not the API: a login page, or not the "
                f"address of Kubeflow Pipelines; set {TOKEN} or give --token-file, and check --host"
            )
        case 401:
            mend = "the token is wrong or has expired" if access.secrets() else f"set {TOKEN} or give --token-file"
            return ServerRefused(f"{where}: the server does not accept the login ({found}); {mend}")
        case 403:
            place = f" in namespace {access.namespace}" if access.namespace else "; many-user servers need --namespace"
            return ServerRefused(f"{where}: not permitted ({found}); ask for a role that may do this{place}")
        case 404:
            return NotThere(f"{where}: not found ({found}); check the id, and that --host is Kubeflow Pipelines 2")
        case status if status >= 500 or status == 429:
            return ServerUnavailable(f"{where}: the server failed ({found}); run the same command again to continue")
    return ServerRefused(f"{where}: refused ({found})")


def _plain(text: str, access: Access) -> str:
    """The message in an answer, on one line and without secrets."""
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if isinstance(body, dict):
        # The server uses the key error_message for uploads.
        text = str(body.get("message") or body.get("error") or body.get("error_message") or "")
    elif text.lstrip().startswith("<"):
        text = "a web page"
    for secret in access.secrets():
        text = text.replace(secret, "***")
    return " ".join(_SECRETS.sub("***", text).split())[:_LONGEST]
