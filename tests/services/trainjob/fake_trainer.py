"""What the Trainer, JobSet, Kueue and the kubelets would do to a TrainJob, one step at a time."""

import time
from collections.abc import Callable
from typing import Any

from fake_kubernetes import FakeKubernetes, Object

from shallowsight.cluster.kubernetes.trainjob import TrainJob

Step = Callable[[], object]

JOB = TrainJob(
    name="shallowsight-finetune-0123456789abcdef",
    namespace="vision",
    nodes=2,
    processes_per_node=1,
    gpus_per_node=1,
    command=("python", "-m", "shallowsight.steps.pod", "s3://studies/one", "0123456789abcdef"),
    study="one",
    cell="0123456789abcdef",
    stage="finetune",
    queue="a100",
)


class FakeTrainer:
    """Each method makes a step, to be put into the steps of the cluster."""

    def __init__(self, cluster: FakeKubernetes, job: TrainJob = JOB) -> None:
        self.cluster, self.job = cluster, job
        self._written = 0

    @property
    def trainjob(self) -> Object:
        return self.cluster.trainjobs[self.job.name]

    def will(self, *steps: Step) -> None:
        self.cluster.steps.extend(steps)

    def nothing(self) -> None:
        pass

    def suspend(self) -> None:
        self.trainjob["spec"]["suspend"] = True
        self._condition("Suspended", "True", "Suspended", "TrainJob is suspended")
        self.cluster.pods.clear()

    def admit(self) -> None:
        self.trainjob["spec"]["suspend"] = False
        self._condition("Suspended", "False", "Resumed", "TrainJob is resumed")

    def pods(self, phase: str, restart: int = 0, **more: Any) -> Step:
        """All nodes anew, as a JobSet makes them."""

        def step() -> None:
            self.cluster.pods.clear()
            for index in range(self.job.nodes):
                self.pod(index, phase, restart, **more)()

        return step

    def pod(self, index: int, phase: str, restart: int = 0, **more: Any) -> Step:
        """`more` is of the pod's status."""

        def step() -> None:
            name = self.name(index, restart)
            labels = {
                "jobset.sigs.k8s.io/jobset-name": self.job.name,
                "jobset.sigs.k8s.io/restart-attempt": str(restart),
                "batch.kubernetes.io/job-completion-index": str(index),
            }
            metadata = {"name": name, "labels": labels, "creationTimestamp": f"2026-01-01T00:00:0{restart}Z"}
            self.cluster.pods[name] = {"metadata": metadata, "status": {"phase": phase} | more}

        return step

    def name(self, index: int, restart: int = 0) -> str:
        return f"{self.job.name}-node-0-{index}-{restart}{restart}"

    def writes(self, *lines: str, index: int = 0, restart: int = 0, ago: float = 0.0) -> Step:
        def step() -> None:
            log = self.cluster.logs.setdefault(self.name(index, restart), [])
            for line in lines:
                self._written += 1
                log.append((time.monotonic() - ago, f"2026-01-01T00:00:00.{self._written:09}Z {line}\n"))

        return step

    def complete(self) -> None:
        for pod in self.cluster.pods.values():
            pod["status"] = {"phase": "Succeeded"}
        self._condition("Complete", "True", "AllJobsCompleted", "jobset completed successfully")

    def fail(self) -> None:
        self._condition("Failed", "True", "FailedJobs", "jobset failed due to one or more job failures")

    def vanish(self) -> None:
        del self.cluster.trainjobs[self.job.name]

    def _condition(self, kind: str, status: str, reason: str, message: str) -> None:
        conditions = self.trainjob.setdefault("status", {}).setdefault("conditions", [])
        conditions[:] = [each for each in conditions if each["type"] != kind]
        conditions.append({"type": kind, "status": status, "reason": reason, "message": message})
