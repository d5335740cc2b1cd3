"""The only module that imports kfp: runs a compiled pipeline on this machine, or talks to a server.

A local run is a separate process, `python -m shallowsight.cluster.kubeflow.pipelines NAME ROOT RUN ARGUMENTS`, because
kfp prints debugging output, and because a stop must end kfp's child processes too.
"""

import contextlib
import io
import json
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from shallowsight.cluster.kubeflow.access import HOST, Access
from shallowsight.errors import ConfigurationError, MissingPackage

T = TypeVar("T")

NAMES = ("layer_study", "train_and_evaluate", "retrain")
TIMEOUT = (10, 60)  # seconds to connect to a server, and to wait for each answer
PARALLEL = 2  # members at a time; kfp's local runner takes no more
# kfp's local runner rewrites these texts anywhere in an argument.
_REWRITTEN = ("python3", "{{$")
_RUN = "{{$.pipeline_job_uuid}}"


def compiled(name: str) -> str:
    """The YAML text of a compiled pipeline, the same text that a cluster gets."""
    return (
        resources.files("shallowsight.cluster.kubeflow")
        .joinpath("compiled", f"{name}.yaml")
        .read_text(encoding="utf-8")
    )


def require_unchanged(*texts: str) -> None:
    """Raises ConfigurationError for a text that kfp's local runner would change."""
    for text in texts:
        for rewritten in _REWRITTEN:
            if rewritten in text:
                raise ConfigurationError(
                    f"{text!r}: the local pipeline runner rewrites the text {rewritten!r}; rename the folder or value"
                )


def run_compiled(name: str, root: Path, run: str, arguments: dict[str, object]) -> None:
    """Run a compiled pipeline in this process with the run id `run`; artifacts go below `root`.

    Raises:
        RuntimeError: a step failed (kfp's own error).
    """
    try:
        from kfp import components, local
    except ImportError:
        raise MissingPackage("kfp", extra="pipelines") from None
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(root), enable_caching=False)
    components.load_component_from_text(_for_here(compiled(name), run))(**arguments)


def _for_here(text: str, run: str) -> str:
    """The same pipeline with the given run id, and without retries.

    On one machine no step is evicted, and a user should see a failure at once.
    """
    import yaml

    spec, *others = yaml.safe_load_all(text.replace(_RUN, run))
    for component in (spec["root"], *spec["components"].values()):
        for task in component.get("dag", {}).get("tasks", {}).values():
            task.pop("retryPolicy", None)
    return yaml.safe_dump_all([spec, *others])


class Refusal(Exception):
    """An error instead of an answer. Status 0: the server did not answer; 200: the answer was a web page."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


def ask(made: Any, request: Callable[[tuple[int, int]], T]) -> T:
    """Send one request with a client; `request` gets the timeout to pass on.

    Raises:
        Refusal: there was no answer, or an answer that is not the API's.
    """
    from kfp_server_api import ApiException  # type: ignore[import-untyped]
    from urllib3.exceptions import HTTPError, MaxRetryError

    try:
        answer = request(TIMEOUT)
    except ApiException as error:
        raise Refusal(error.status or 0, str(error.body or error.reason or "")) from None
    except HTTPError as error:
        reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
        raise Refusal(0, str(reason)) from None
    except OSError as error:  # the mounted token file does not exist any more
        raise Refusal(0, f"{error.filename}: {error.strerror}") from None
    # From a login page kfp makes an empty object.
    if made.last_content_type() != "application/json":
        raise Refusal(200, made.last_content_type())
    return answer


def client(access: Access) -> Any:
    """kfp's client of a server, changed so that it neither prints, nor warns, nor retries.

    Raises:
        MissingPackage: kfp is not installed.
        ConfigurationError: there is neither a host nor a kube context with one.
        Refusal: the client asked the server whether it has many users, and the server refused.
    """
    from shallowsight.cluster.kubernetes.connection import require_context

    try:
        import kfp
        from kfp.client import ServiceAccountTokenVolumeCredentials
    except ImportError:
        raise MissingPackage("kfp", extra="pipelines") from None

    class Client(kfp.Client):  # type: ignore[misc]
        def last_content_type(self) -> str:
            kind = self._run_api.api_client.last_response.getheader("content-type") or ""
            return str(kind).partition(";")[0].strip()

        def _load_config(self, *settings: Any) -> Any:
            """Keep the host: when kfp renews a kube context's token, it would replace the host by the cluster's."""
            config = super()._load_config(*settings)
            host, renew = config.host.rstrip("/"), config.refresh_api_key_hook

            def renew_token(config: Any) -> None:
                if renew is not None:
                    renew(config)
                config.host, config.refresh_api_key_hook = host, renew_token

            config.refresh_api_key_hook = renew_token
            return config

        def get_kfp_healthz(self, sleep_duration: int = 5) -> Any:
            """Ask once: kfp's own method retries for half a minute and logs every answer of the server."""
            return ask(self, lambda timeout: self._healthz_api.healthz_service_get_healthz(_request_timeout=timeout))

    if access.context is not None:
        require_context(access.context)
    # This package reports a broken connection itself, once.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    credentials = ServiceAccountTokenVolumeCredentials(str(access.token_file)) if access.token_file else None
    printed = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
            warnings.simplefilter("ignore")
            return Client(
                host=access.host,
                namespace=access.namespace or "kubeflow",
                existing_token=access.token,
                credentials=credentials,
                kube_context=access.context,
            )
    finally:
        if (
            printed.getvalue() and access.host is None
        ):  # kfp found no kube configuration, and would go on with an invalid host
            raise ConfigurationError(
                f"no Kubeflow Pipelines named: give --host URL, set {HOST}, or --context NAME of a kube configuration"
            ) from None


def _end_with_the_caller() -> None:
    """Kill this process group once the standard input closes, because then the process that started it has ended."""
    if os.getpgrp() != os.getpid():
        return  # started by hand, in a process group with other processes

    def watch() -> None:
        os.read(0, 1)  # nothing is ever written, so this returns when the input closes
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    _end_with_the_caller()
    run_compiled(sys.argv[1], Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4]))
