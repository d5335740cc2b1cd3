"""Where trainings run, how much they may have, and who goes first."""

from typing import Any

import pytest
from overlays import OVERLAYS, build, find, names, of_kind, pod, size

from pipelines import placement
from shallowsight.cluster.kubernetes.trainjob import QUEUE, TrainJob, body

NODE = "shallowsight-torch"


def asked(overlay: str) -> dict[str, str]:
    """What Kueue counts: a limit without a request is one."""
    resources: dict[str, dict[str, str]] = node(overlay)["resources"]
    return resources["limits"] | resources["requests"]


def node(overlay: str) -> dict[str, Any]:
    (container,) = pod(build(overlay), NODE).spec["containers"]
    found: dict[str, Any] = container
    return found


@pytest.mark.parametrize("overlay", ["a100", "a100-outside-store"])
def test_trainings_go_to_the_pool(overlay: str) -> None:
    objects = build(overlay)
    (flavor,) = of_kind(objects, "ResourceFlavor")
    spec = pod(objects, NODE).spec
    assert spec["nodeSelector"] == flavor["spec"]["nodeLabels"] == {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
    assert spec["tolerations"] == flavor["spec"]["tolerations"]
    assert "cuda" in node(overlay)["image"]


def test_a_machine_without_a_gpu_is_asked_for_none() -> None:
    assert "nvidia.com/gpu" not in str(node("local")["resources"])
    assert "nodeSelector" not in pod(build("local"), NODE).spec
    assert "cuda" not in node("local")["image"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_queue_lets_at_least_one_pod_in(overlay: str) -> None:
    (queue,) = of_kind(build(overlay), "ClusterQueue")
    (flavor,) = queue["spec"]["resourceGroups"][0]["flavors"]
    quota = {each["name"]: each["nominalQuota"] for each in flavor["resources"]}
    assert size(asked(overlay)["memory"]) <= size(quota["memory"])
    assert all(int(each) <= int(quota[name]) for name, each in asked(overlay).items() if name != "memory")


@pytest.mark.parametrize("overlay", ["a100", "a100-outside-store"])
def test_the_pool_has_eight_gpus(overlay: str) -> None:
    assert "nvidia.com/gpu" not in asked(overlay), "a TrainJob without GPUs gets none"
    (queue,) = of_kind(build(overlay), "ClusterQueue")
    (flavor,) = queue["spec"]["resourceGroups"][0]["flavors"]
    assert {"name": "nvidia.com/gpu", "nominalQuota": "8"} in flavor["resources"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_whoever_waits_goes_before_a_schedule(overlay: str) -> None:
    objects = build(overlay)
    interactive, scheduled = (
        find(objects, "WorkloadPriorityClass", f"shallowsight-{name}")["value"] for name in ("interactive", "scheduled")
    )
    assert interactive > scheduled
    (queue,) = of_kind(objects, "ClusterQueue")
    assert queue["spec"]["preemption"]["withinClusterQueue"] == "LowerPriority"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_box_with_gpus_finds_what_it_names_and_is_let_in(overlay: str) -> None:
    objects = build(overlay)
    queue, priority = placement.QUEUED.values()
    assert list(placement.QUEUED) == [QUEUE, "kueue.x-k8s.io/priority-class"]
    assert queue in names(objects, "LocalQueue") and priority in names(objects, "WorkloadPriorityClass")
    (cluster,) = of_kind(objects, "ClusterQueue")
    (group,) = cluster["spec"]["resourceGroups"]
    assert {"cpu", "memory", placement.GPU} <= set(group["coveredResources"]), "or no such box would ever start"
    quota = {each["name"]: each["nominalQuota"] for each in group["flavors"][0]["resources"]}
    assert int(quota["cpu"]) > 1 and size(quota["memory"]) > size("4Gi")


def test_a_trainjob_finds_what_it_names_and_gets_its_gpus() -> None:
    job = TrainJob(
        name="t", namespace="shallowsight", nodes=2, processes_per_node=4, gpus_per_node=4, command=("true",),
        study="s", cell="c", stage="finetune", queue="shallowsight", priority="shallowsight-interactive",
    )  # fmt: skip
    objects, made = build("a100"), body(job)
    labels = made["metadata"]["labels"]
    assert made["spec"]["runtimeRef"]["name"] in names(objects, "ClusterTrainingRuntime")
    assert labels[QUEUE] in names(objects, "LocalQueue")
    assert labels["kueue.x-k8s.io/priority-class"] in names(objects, "WorkloadPriorityClass")
    # Trainer lays the resources of a TrainJob over those of the runtime, name by name.
    more, base = made["spec"]["trainer"]["resourcesPerNode"], node("a100")["resources"]
    limits, requests = (base[kind] | more.get(kind, {}) for kind in ("limits", "requests"))
    assert limits == {"nvidia.com/gpu": "4", "cpu": "32", "memory": "384Gi"}, "cores and memory grow with the GPUs"
    assert all(limits[name] == value for name, value in requests.items())
