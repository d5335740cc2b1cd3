"""A real cluster, if one is offered: SHALLOWSIGHT_CLUSTER=1 and KUBECONFIG. Nobody's cluster is touched unasked.

SHALLOWSIGHT_CLUSTER=required makes an absent cluster a failure, SHALLOWSIGHT_CLUSTER_IMAGE names an image with torch.
"""

import os
from dataclasses import dataclass
from typing import Any

import pytest

SWITCH, IMAGE = "SHALLOWSIGHT_CLUSTER", "SHALLOWSIGHT_CLUSTER_IMAGE"
_SECONDS = 10  # for an answer while we look what there is


@dataclass(frozen=True)
class Offered:
    """`groups` are the APIs that it serves, `nodes` how many are ready."""

    client: Any
    version: str
    groups: frozenset[str]
    nodes: int


def offered() -> Offered:
    """The cluster that tests may use.

    Raises:
        LookupError: there is none; the reason.
    """
    if not os.environ.get(SWITCH) or not os.environ.get("KUBECONFIG"):
        raise LookupError(f"no cluster is offered: set KUBECONFIG and {SWITCH}=1")
    kubernetes = pytest.importorskip("kubernetes")
    from urllib3.exceptions import HTTPError

    try:
        client = kubernetes.config.new_client_from_config(os.environ["KUBECONFIG"])
        version = kubernetes.client.VersionApi(client).get_code(_request_timeout=_SECONDS)
        served = kubernetes.client.ApisApi(client).get_api_versions(_request_timeout=_SECONDS)
        nodes = kubernetes.client.CoreV1Api(client).list_node(_request_timeout=_SECONDS)
    except (kubernetes.config.ConfigException, kubernetes.client.ApiException, HTTPError) as error:
        raise LookupError(f"the cluster of {os.environ['KUBECONFIG']} cannot be had: {error}") from error
    ready = [
        node
        for node in nodes.items
        if any(each.type == "Ready" and each.status == "True" for each in node.status.conditions or [])
    ]
    return Offered(client, version.git_version, frozenset(group.name for group in served.groups), len(ready))
