"""What the pipelines expect of a namespace is what the manifests put there."""

import pytest
from overlays import OVERLAYS, build, find

from pipelines import placement
from shallowsight.cluster.kubernetes.trainjob import RUNTIME
from shallowsight.cluster.training import GPUS_PER_NODE, LAUNCHER, NAMESPACE, QUEUE
from shallowsight.observe.metrics.exposition import PORT
from shallowsight.observe.metrics.linger import LINGER


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_boxes_find_how_to_start_trainings(overlay: str) -> None:
    objects = build(overlay)
    found = [o for o in objects if o["kind"] == "ConfigMap" and o["metadata"]["name"] == placement.LAUNCHER_SETTINGS]
    assert found
    for each in found:
        assert set(each["data"]) == set(placement._SETTINGS)
        assert each["data"][LAUNCHER] == "trainjob" and each["data"][GPUS_PER_NODE].isdecimal()
        assert find(objects, "Namespace", each["data"][NAMESPACE])
        queue = find(objects, "LocalQueue", each["data"][QUEUE])
        assert queue["metadata"]["namespace"] == each["data"][NAMESPACE]
    assert "shallowsight" in {each["metadata"]["namespace"] for each in found}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_boxes_find_where_to_serve_metrics(overlay: str) -> None:
    objects = build(overlay)
    found = [o for o in objects if o["kind"] == "ConfigMap" and o["metadata"]["name"] == placement.METRICS_SETTINGS]
    assert "shallowsight" in {each["metadata"]["namespace"] for each in found}
    for each in found:
        assert set(each["data"]) == set(placement._METRICS) == {PORT, LINGER}
        assert each["data"][PORT] == "9464", "the port of the PodMonitor and of the NetworkPolicy"
        assert float(each["data"][LINGER]) >= 45, "three scrapes"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_names_that_the_code_knows_exist(overlay: str) -> None:
    objects = build(overlay)
    assert find(objects, "ClusterTrainingRuntime", RUNTIME)
    for priority in (placement.INTERACTIVE, placement.SCHEDULED):
        assert find(objects, "WorkloadPriorityClass", priority)


@pytest.mark.parametrize("name", [placement.LAUNCHER_SETTINGS, placement.METRICS_SETTINGS])
def test_without_users_the_boxes_are_in_kubeflow(name: str) -> None:
    namespaces = {
        o["metadata"]["namespace"] for o in build("local") if o["kind"] == "ConfigMap" and o["metadata"]["name"] == name
    }
    assert namespaces == {"shallowsight", "kubeflow"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_launcher_may_ask_what_it_asks(overlay: str) -> None:
    """What cluster/kubernetes/api.py calls."""
    rules = find(build(overlay), "Role", "shallowsight-trainings")["rules"]
    granted = {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}
    assert granted >= {
        ("trainjobs", "create"), ("trainjobs", "get"), ("trainjobs", "delete"), ("pods", "list"), ("pods/log", "get"),
        ("events", "list"), ("workloads", "list"),
    }  # fmt: skip
