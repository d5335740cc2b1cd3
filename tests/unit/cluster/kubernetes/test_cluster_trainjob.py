"""The body of a TrainJob: as committed, valid for the Trainer's own models and for its CRD."""

import json
from pathlib import Path
from typing import Any

import pytest
from crd_schemas import crd_schemas
from trainjobs import JOB, job_with

from shallowsight.cluster.kubernetes.trainjob import SPEC_DIGEST, TrainJob, body
from shallowsight.errors import ConfigurationError

GOLDEN = Path(__file__).with_name("trainjob.json")
SMALL = TrainJob(
    name="small", namespace="n", nodes=1, processes_per_node=1, command=("true",), study="", cell="c", stage="pretrain"
)
ODD = job_with(study="Ünï / " + "long" * 40, cell="-", image="registry.example/train@sha256:" + "0" * 64)
EVERY_KIND = pytest.mark.parametrize(
    "job", [pytest.param(JOB, id="whole"), pytest.param(SMALL, id="small"), pytest.param(ODD, id="odd")]
)


def digest(job: TrainJob) -> Any:
    return body(job)["metadata"]["annotations"][SPEC_DIGEST]


def test_the_body_is_the_committed_one() -> None:
    assert body(JOB) == json.loads(GOLDEN.read_text())


@EVERY_KIND
def test_the_trainers_own_models_take_it_whole(job: TrainJob) -> None:
    models = pytest.importorskip("kubeflow_trainer_api.models", reason="no kubeflow-trainer-api here")
    # The models leave out what they do not know, so what comes back shows it.
    assert models.TrainerV1alpha1TrainJob.from_dict(body(job)).to_dict() == body(job)


@EVERY_KIND
def test_the_crd_takes_it(job: TrainJob) -> None:
    assert crd_schemas().faults(body(job)) == []


def test_what_is_not_asked_for_is_left_to_the_runtime() -> None:
    made = body(SMALL)
    assert set(made["spec"]["trainer"]) == {"numNodes", "numProcPerNode", "command", "env"}
    assert not [label for label in made["metadata"]["labels"] if "kueue" in label]


def test_pods_bear_the_labels_of_the_job() -> None:
    made = body(ODD)
    (patch,) = made["spec"]["runtimePatches"]
    (node,) = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    labels = node["template"]["spec"]["template"]["metadata"]["labels"]
    assert labels["shallowsight/stage"] == "finetune"
    assert labels.items() < made["metadata"]["labels"].items()


def test_no_secret_is_in_it() -> None:
    from_secrets = [e for e in body(JOB)["spec"]["trainer"]["env"] if e["name"].startswith("AWS_")]
    assert len(from_secrets) == 3
    assert all(set(e) == {"name", "valueFrom"} for e in from_secrets)


@pytest.mark.parametrize("changes", [{}, {"study": "two"}, {"queue": None}, {"priority": None}])
def test_a_job_is_known_again_by_its_digest(changes: dict[str, Any]) -> None:
    assert digest(job_with(**changes)) == digest(JOB)


@pytest.mark.parametrize(
    "changes",
    [
        {"nodes": 1},
        {"processes_per_node": 4},
        {"gpus_per_node": 4},
        {"command": ("true",)},
        {"environment": {}},
        {"secrets": {}},
        {"image": "i"},
        {"runtime": "another"},
    ],
)
def test_another_job_has_another_digest(changes: dict[str, Any]) -> None:
    assert digest(job_with(**changes)) != digest(JOB)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "No"}, "'No' cannot be the name"),
        ({"nodes": 0}, "0 nodes with 8 processes and 8 GPUs"),
        ({"processes_per_node": 0}, "with 0 processes"),
        ({"gpus_per_node": -1}, "-1 GPUs"),
        ({"command": ()}, "no command"),
        ({"environment": {"AWS_ENDPOINT_URL": "http://x"}}, "AWS_ENDPOINT_URL set twice"),
        ({"secrets": {"a": ("KEY",), "b": ("KEY",)}}, "KEY set twice"),
    ],
)
def test_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        job_with(**changes)
