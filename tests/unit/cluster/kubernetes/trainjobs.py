"""A TrainJob for tests."""

from dataclasses import replace
from typing import Any

from shallowsight.cluster.kubernetes.trainjob import TrainJob

JOB = TrainJob(
    name="shallowsight-finetune-0123456789abcdef",
    namespace="vision",
    nodes=2,
    processes_per_node=8,
    gpus_per_node=8,
    command=("python", "-m", "shallowsight.steps.pod", "s3://studies/one", "0123456789abcdef"),
    environment={"SHALLOWSIGHT_SAVE_SECONDS": "300"},
    secrets={"shallowsight-store": ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")},
    study="one",
    cell="0123456789abcdef",
    stage="finetune",
    queue="shallowsight",
    priority="shallowsight-scheduled",
)


def job_with(**changes: Any) -> TrainJob:
    return replace(JOB, **changes)
