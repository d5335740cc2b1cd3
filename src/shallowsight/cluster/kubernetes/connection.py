"""The connection to a cluster: its address and credentials."""

import os
from pathlib import Path

import yaml
from yaml import YAMLError

from shallowsight.cluster.kubernetes.api import Cluster
from shallowsight.errors import ConfigurationError, MissingPackage

_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"  # a variable that Kubernetes sets in every pod
_KUBECONFIG = "~/.kube/config"
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def connect(
    namespace: str | None = None, context: str | None = None, patience: float = 120.0, timeout: float = 15.0
) -> Cluster:
    """In a pod, connect to its own cluster as its service account; elsewhere, use a context of the kubeconfig.

    No request is sent yet.

    Args:
        namespace: None takes the namespace of the pod, or of the context.
        context: of the kubeconfig, also in a pod; None takes the current one.
        patience: seconds for which a request to an API server that does not answer is retried.
        timeout: seconds for connecting, and again for an answer.

    Raises:
        ConfigurationError: there is no such cluster or context.
        MissingPackage: kubernetes is not installed.
    """
    try:
        from kubernetes import config
        from kubernetes.client import ApiClient, Configuration
    except ImportError:
        raise MissingPackage("kubernetes", extra="pipelines") from None
    settings = Configuration()
    settings.retries = False  # Asking does the retries
    try:
        if context is None and os.environ.get(_IN_CLUSTER):
            config.load_incluster_config(client_configuration=settings)
            own = _NAMESPACE.read_text(encoding="utf-8").strip()
        else:
            file = os.environ.get("KUBECONFIG") or _KUBECONFIG
            config.load_kube_config(file, context, settings)
            contexts, current = config.list_kube_config_contexts(file)
            chosen = next((each for each in contexts if each["name"] == context), current)
            own = chosen["context"].get("namespace", "default")
    except (config.ConfigException, OSError, YAMLError) as error:
        raise ConfigurationError(
            f"no cluster to talk to: {error}. Outside a cluster KUBECONFIG names the file with its address, or it is "
            + _KUBECONFIG
        ) from error
    return Cluster(ApiClient(settings), namespace or own, patience, timeout)


def require_context(name: str) -> None:
    """Raises ConfigurationError when there is no kubeconfig, or when it has no context of this name."""
    named = os.environ.get("KUBECONFIG") or _KUBECONFIG
    names: list[str] = []
    for file in (Path(each).expanduser() for each in named.split(os.pathsep) if each):
        try:
            found = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else None
            names += [str(each["name"]) for each in (found or {}).get("contexts") or []]
        except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
            raise ConfigurationError(f"{file} is not a kube configuration: {error}") from None
    if name not in names:
        raise ConfigurationError(f"no context {name!r} in {named}; there are: {', '.join(names) or 'none'}")
