"""Queues lead to nodes, and trainings fit in."""

from collections.abc import Iterator

from network_rules import selects
from overlays import Object, Pod, names, of_kind


def complaints(objects: list[Object], pods: list[Pod]) -> list[str]:
    return list(_complaints(objects, pods))


def _complaints(objects: list[Object], pods: list[Pod]) -> Iterator[str]:
    for queue in of_kind(objects, "LocalQueue"):
        if queue["spec"]["clusterQueue"] not in names(objects, "ClusterQueue"):
            yield "there is no such cluster queue"
        for cluster in of_kind(objects, "ClusterQueue"):
            labels = {"kubernetes.io/metadata.name": queue["metadata"]["namespace"]}
            if not selects(cluster["spec"]["namespaceSelector"], labels):
                yield "the cluster queue does not take its local queue's workloads"
    for cluster in of_kind(objects, "ClusterQueue"):
        for group in cluster["spec"]["resourceGroups"]:
            for flavor in group["flavors"]:
                if flavor["name"] not in names(objects, "ResourceFlavor"):
                    yield "there is no such flavor"
                if [each["name"] for each in flavor["resources"]] != group["coveredResources"]:
                    yield "a quota is missing"
        covered = {name for group in cluster["spec"]["resourceGroups"] for name in group["coveredResources"]}
        training = [pod for pod in pods if pod.labels.get("app.kubernetes.io/component") == "training"]
        resources = [each for pod in training for c in pod.containers for each in c["resources"].values()]
        asked = {name for each in resources for name in each}
        if asked - covered:
            yield f"no training would ever be admitted: nobody has a quota of {sorted(asked - covered)}"
