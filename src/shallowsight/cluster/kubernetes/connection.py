"""Which cluster is meant, and who we are there."""

import os
from pathlib import Path

import yaml
from yaml import YAMLError

from shallowsight.cluster.kubernetes.api import Cluster
from shallowsight.errors import ConfigurationError, MissingPackage

_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"  # Kubernetes sets it in every pod
_KUBECONFIG = "~/.kube/config"
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def connect(
    namespace: str | None = None, context: str | None = None, patience: float = 120.0, timeout: float = 15.0
) -> Cluster:
    """In a pod, its own cluster as its service account; elsewhere a context of the kubeconfig. Sends nothing yet.

    Args:
        namespace: None: the pod's own, or that of the context.
        context: of the kubeconfig, also in a pod; None: the current one.
        patience: seconds for which the API server may be away.
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
    settings.retries = False  # we ask again ourselves, and know what for
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
    """Raises ConfigurationError when the kubeconfig has no context of this name, or there is none."""
    named = os.environ.get("KUBECONFIG") or _KUBECONFIG
    names: list[str] = []
    for file in (Path(each).expanduser() for each in named.split(os.pathsep) if each):
        try:
            found = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else None
            names += [str(each["name"]) for each in (found or {}).get("contexts") or []]
        except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
            raise ConfigurationError(f"{file} is no kube configuration: {error}") from None
    if name not in names:
        raise ConfigurationError(f"no context {name!r} in {named}; there are: {', '.join(names) or 'none'}")
