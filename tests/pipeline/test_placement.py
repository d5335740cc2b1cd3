"""Where a cluster puts each box of the committed pipelines, and what it may use there."""

from typing import Any

import pytest
import yaml

from components import images
from pipelines import placement
from pipelines.placement import (
    GPU,
    JUDGE_SECRET,
    LABELS,
    LAUNCHER_SETTINGS,
    METRICS_SETTINGS,
    QUEUED,
    RETRAINING,
    STORE_SECRET,
)
from shallowsight.cluster.kubeflow import shipped
from shallowsight.cluster.kubeflow.pipelines import NAMES, compiled
from shallowsight.observe.metrics.exposition import ADDRESS

GPU_BOXES = {"exec-analyze-layers", "exec-encode-features", "exec-evaluate"}
COMPARING = "exec-report-and-compare"
TRAINING = {"exec-train-stage", "exec-train-stage-2"}

Spec = dict[str, Any]


def documents(name: str) -> tuple[Spec, Spec]:
    """Containers, and what Kubernetes is told beside; both by executor."""
    pipeline, platform = yaml.safe_load_all(compiled(name))
    return (
        {key: executor["container"] for key, executor in pipeline["deploymentSpec"]["executors"].items()},
        platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"],
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_box_has_what_all_need(name: str) -> None:
    containers, kubernetes = documents(name)
    assert set(containers) == set(kubernetes) and len(containers) >= 8
    for key, found in kubernetes.items():
        shown = {"app.kubernetes.io/component": RETRAINING} if key == COMPARING else {}
        queued = QUEUED if key in GPU_BOXES else {}
        assert found["podMetadata"]["labels"] == LABELS | shown | queued, key
        assert found["securityContext"]["runAsNonRoot"] is True and found["securityContext"]["runAsUser"] != "0", key
        assert int(found["activeDeadlineSeconds"]) >= 3600, key
        assert "/cache" in [mount["mountPath"] for mount in found["emptyDirMounts"]], key
        resources = containers[key]["resources"]
        # What is asked for fits a laptop with kind.
        assert int(resources["resourceMemoryRequest"].removesuffix("Gi")) <= 4, key
        assert int(resources["resourceMemoryLimit"].removesuffix("Gi")) <= 32, key


@pytest.mark.parametrize("name", NAMES)
def test_keys_of_the_store_come_from_a_secret_alone(name: str) -> None:
    for key, found in documents(name)[1].items():
        secret, *others = found["secretAsEnv"]
        assert secret["secretName"] == STORE_SECRET, key
        assert [other["secretName"] for other in others] == [JUDGE_SECRET] * (key == "exec-judge"), key
        assert {pair["envVar"] for pair in secret["keyToEnv"]} == {
            "AWS_ENDPOINT_URL",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
        }
    assert "AWS_SECRET_ACCESS_KEY=" not in compiled(name)


@pytest.mark.parametrize("name", NAMES)
def test_gpus_are_for_those_that_compute(name: str) -> None:
    containers, kubernetes = documents(name)
    with_gpu = {key for key, found in containers.items() if "accelerator" in found["resources"]}
    assert with_gpu == GPU_BOXES
    for key in with_gpu:
        accelerator = containers[key]["resources"]["accelerator"]
        assert accelerator["resourceType"] == GPU
        assert accelerator["resourceCount"].endswith("step_gpus']}}"), "a parameter, not a number"
        assert kubernetes[key]["tolerations"] == [{"effect": "NoSchedule", "key": GPU, "operator": "Exists"}]
        (affinity,) = kubernetes[key]["nodeAffinity"]
        assert affinity["weight"] > 0, "wished for, so that other clusters can run it"
        assert all("A100" in value for value in affinity["matchExpressions"][0]["values"])
        shared = [mount for mount in kubernetes[key]["emptyDirMounts"] if mount["mountPath"] == "/dev/shm"]
        assert [mount["medium"] for mount in shared] == ["Memory"]


@pytest.mark.parametrize("name", NAMES)
def test_the_box_that_makes_a_trainjob_is_small(name: str) -> None:
    containers, _ = documents(name)
    assert set(containers) >= TRAINING
    for key in TRAINING:
        assert "accelerator" not in containers[key]["resources"]
        assert containers[key]["resources"]["resourceCpuRequest"] == "500m"


def test_the_box_that_makes_a_trainjob_must_know_how() -> None:
    for name in NAMES:
        _, kubernetes = documents(name)
        for key, found in kubernetes.items():
            assert ("configMapAsEnv" in found) == (key in TRAINING or key == COMPARING)
        (settings,) = kubernetes["exec-train-stage"]["configMapAsEnv"]
        assert settings["configMapName"] == LAUNCHER_SETTINGS and not settings.get("optional")


def test_the_box_that_compares_serves_metrics_where_a_namespace_says_how() -> None:
    found = documents("retrain")[1][COMPARING]
    (settings,) = found["configMapAsEnv"]
    assert settings["configMapName"] == METRICS_SETTINGS and settings["optional"] is True
    assert [(each["name"], each["fieldPath"]) for each in found["fieldPathAsEnv"]] == [(ADDRESS, "status.podIP")]


def test_priorities_and_images_are_those_that_a_submission_knows() -> None:
    assert (shipped.INTERACTIVE, shipped.SCHEDULED) == (placement.INTERACTIVE, placement.SCHEDULED)
    assert set(shipped.IMAGE_VARIABLES) == {images.CPU_IMAGE, images.TRAIN_IMAGE}
    for name, default in (("layer_study", placement.INTERACTIVE), ("retrain", placement.SCHEDULED)):
        pipeline = next(yaml.safe_load_all(compiled(name)))
        assert pipeline["root"]["inputDefinitions"]["parameters"]["priority"]["defaultValue"] == default


@pytest.mark.parametrize("name", NAMES)
def test_every_box_is_tried_again(name: str) -> None:
    pipeline = next(yaml.safe_load_all(compiled(name)))
    policies = {
        task_name: task.get("retryPolicy")
        for component in [pipeline["root"], *pipeline["components"].values()]
        for task_name, task in component.get("dag", {}).get("tasks", {}).items()
        if "executorLabel" in pipeline["components"][task["componentRef"]["name"]]
    }
    assert len(policies) >= 8
    assert all(policy and policy["maxRetryCount"] == 2 for policy in policies.values()), policies
