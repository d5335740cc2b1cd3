"""What a training pod is given, against what the training asks for."""

import re
from typing import Any

import pytest
from overlays import OVERLAYS, build, find, of_kind, pod, size

from shallowsight import errors
from shallowsight.observe.metrics.exposition import ADDRESS, PORT
from shallowsight.observe.metrics.linger import LINGER
from shallowsight.steps.pod import ENDED
from shallowsight.store.objects.s3.endpoint import Endpoint

NODE = "shallowsight-torch"


def runtime(overlay: str) -> dict[str, Any]:
    spec: dict[str, Any] = find(build(overlay), "ClusterTrainingRuntime", NODE)["spec"]
    return spec


def node(overlay: str) -> dict[str, Any]:
    (container,) = pod(build(overlay), NODE).spec["containers"]
    found: dict[str, Any] = container
    return found


def environment(overlay: str) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in node(overlay)["env"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_trainer_finds_its_job_and_its_container(overlay: str) -> None:
    (job,) = runtime(overlay)["template"]["spec"]["replicatedJobs"]
    assert job["name"] == node(overlay)["name"] == "node"
    assert job["template"]["metadata"]["labels"]["trainer.kubeflow.org/trainjob-ancestor-step"] == "trainer"
    assert "torch" in runtime(overlay)["mlPolicy"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_metrics_are_served_where_prometheus_looks(overlay: str) -> None:
    (port,) = node(overlay)["ports"]
    assert port["name"] == "metrics"
    assert environment(overlay)[PORT]["value"] == str(port["containerPort"])
    assert environment(overlay)[ADDRESS]["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"


def test_a_failed_training_stays_for_a_scrape() -> None:
    monitors = {each["metadata"]["name"]: each for each in of_kind(build("a100"), "PodMonitor")}
    (endpoint,) = monitors["shallowsight-training"]["spec"]["podMetricsEndpoints"]
    seconds = float(environment("a100")[LINGER]["value"])
    # One scrape may fail; and a pod that is told to go ends it at once, so that its time to save does not limit it.
    assert seconds > 2 * float(endpoint["interval"].removesuffix("s"))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_store_has_all_that_its_client_needs(overlay: str) -> None:
    given = {name: "http://store:9000" for name, v in environment(overlay).items() if "secretKeyRef" in str(v)}
    assert Endpoint.from_environment(given).host == "store:9000"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_trainers_own_variables_are_left_to_it(overlay: str) -> None:
    # Its webhook refuses a TrainJob whose runtime sets one.
    assert not [name for name in environment(overlay) if name.startswith("PET_")]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_service_sets_a_variable_of_ours(overlay: str) -> None:
    for name in ("shallowsight-torch", *(["minio", "minio-setup"] if overlay != "a100-outside-store" else [])):
        assert pod(build(overlay), name).spec["enableServiceLinks"] is False


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_written_goes_to_a_volume(overlay: str) -> None:
    mounts = {mount["mountPath"] for mount in node(overlay)["volumeMounts"]}
    assert {"/dev/shm", "/tmp"} <= mounts
    for name in ("HOME", "HF_HOME"):
        assert any(environment(overlay)[name]["value"].startswith(mount) for mount in mounts)


def test_shared_memory_fits_into_the_memory_that_it_counts_against() -> None:
    for overlay in OVERLAYS:
        volumes = {v["name"]: v["emptyDir"] for v in pod(build(overlay), NODE).spec["volumes"]}
        assert volumes["shared-memory"]["medium"] == "Memory"
        assert size(volumes["shared-memory"]["sizeLimit"]) <= size(node(overlay)["resources"]["limits"]["memory"]) / 4


# What Kubernetes' job controller writes into the condition of a Job that a FailJob rule has ended.
DISRUPTED = "Pod shallowsight/t-node-0-0-x has condition DisruptionTarget matching FailJob rule at index 0"
EXITED = "Container node for pod shallowsight/t-node-0-0-x failed with exit code {} matching FailJob rule at index 1"


def action(reason: str, message: str) -> str:
    """What JobSet does: the first rule whose reason and pattern match, else a restart that counts."""
    for rule in runtime("a100")["template"]["spec"]["failurePolicy"]["rules"]:
        if reason in rule["onJobFailureReasons"]:
            if any(re.search(pattern, message) for pattern in rule["onJobFailureMessagePatterns"]):
                return str(rule["action"])
    return "RestartJobSet"


def test_an_eviction_is_not_counted() -> None:
    assert action("PodFailurePolicy", DISRUPTED) == "RestartJobSetAndIgnoreMaxRestarts"


def test_what_would_fail_again_is_not_tried_again() -> None:
    for status in (errors.ConfigurationError.exit_status, errors.DataRefused.exit_status, ENDED):
        assert action("PodFailurePolicy", EXITED.format(status)) == "FailJobSet"


def test_what_may_pass_is_tried_again() -> None:
    for status in (errors.ShallowsightError.exit_status, errors.Interrupted.exit_status):
        assert action("PodFailurePolicy", EXITED.format(status)) == "RestartJobSet"
    assert ENDED not in {each.exit_status for each in errors.ShallowsightError.__subclasses__()}


def test_a_failure_is_tried_again_a_few_times() -> None:
    assert action("BackoffLimitExceeded", "Job has reached the specified backoff limit") == "RestartJobSet"
    assert runtime("a100")["template"]["spec"]["failurePolicy"]["maxRestarts"] == 3


def test_the_rules_of_the_job_lead_to_those_messages() -> None:
    (job,) = runtime("a100")["template"]["spec"]["replicatedJobs"]
    assert job["template"]["spec"]["backoffLimit"] == 0  # no node comes back alone
    disrupted, refused = job["template"]["spec"]["podFailurePolicy"]["rules"]
    assert disrupted["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    statuses = {errors.ConfigurationError.exit_status, errors.DataRefused.exit_status, ENDED}
    assert set(refused["onExitCodes"]["values"]) == statuses
    assert job["template"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"  # else there is no such policy


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_there_is_time_to_save_a_state_before_others_start(overlay: str) -> None:
    assert pod(build(overlay), NODE).spec["terminationGracePeriodSeconds"] >= 120
    assert runtime(overlay)["template"]["spec"]["failurePolicy"]["restartStrategy"] == "BlockingRecreate"
