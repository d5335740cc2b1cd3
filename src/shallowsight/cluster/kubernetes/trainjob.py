"""The TrainJob of Kubeflow Trainer v2 that the cluster is asked to run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shallowsight.cluster.kubernetes.names import checked_name, label_value
from shallowsight.errors import ConfigurationError
from shallowsight.store.digest import digest_of

GROUP, VERSION, PLURAL = "trainer.kubeflow.org", "v1alpha1", "trainjobs"
RUNTIME = "shallowsight-torch"
NODE = "node"  # the Trainer's name for the job and the container that train
SPEC_DIGEST = "shallowsight/spec-digest"  # the annotation that tells whether an existing TrainJob is equal

QUEUE, _PRIORITY = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/priority-class"
_MANAGER = "shallowsight/launcher"
_GPU = "nvidia.com/gpu"


@dataclass(frozen=True, kw_only=True)
class TrainJob:
    """One training on some nodes.

    `secrets` names, for each Secret of the namespace, the keys that become environment variables of the same names.
    `study`, `cell` and `stage` label the job and its pods, for costs and metrics. `runtime` is a
    ClusterTrainingRuntime; `image` None means its image. `queue` is a LocalQueue of Kueue, `priority` a
    WorkloadPriorityClass.

    Raises:
        ConfigurationError: a value that a TrainJob cannot have.
    """

    name: str
    namespace: str
    nodes: int
    processes_per_node: int
    command: tuple[str, ...]
    study: str
    cell: str
    stage: str
    gpus_per_node: int = 0
    cpus_per_gpu: int = 8
    gibibytes_per_gpu: int = 96
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    runtime: str = RUNTIME
    image: str | None = None
    queue: str | None = None
    priority: str | None = None

    def __post_init__(self) -> None:
        checked_name(self.name)
        if self.nodes < 1 or self.processes_per_node < 1 or self.gpus_per_node < 0:
            raise ConfigurationError(
                f"TrainJob {self.name}: {self.nodes} nodes with {self.processes_per_node} processes and "
                f"{self.gpus_per_node} GPUs each; at least 1, 1 and 0 are needed"
            )
        if not self.command:
            raise ConfigurationError(f"TrainJob {self.name} has no command")
        variables = [*self.environment, *(key for keys in self.secrets.values() for key in keys)]
        twice = sorted({name for name in variables if variables.count(name) > 1})
        if twice:
            raise ConfigurationError(f"TrainJob {self.name}: {', '.join(twice)} set twice in its environment")


def body(job: TrainJob) -> dict[str, Any]:
    """The TrainJob as the API server takes it."""
    labels = {
        "app.kubernetes.io/part-of": "shallowsight",
        "shallowsight/study": label_value(job.study),
        "shallowsight/cell": label_value(job.cell),
        "shallowsight/stage": label_value(job.stage),
    }
    scheduling = {key: value for key, value in {QUEUE: job.queue, _PRIORITY: job.priority}.items() if value}
    metadata = {"name": job.name, "namespace": job.namespace, "labels": labels | scheduling}
    spec = {
        "runtimeRef": {"apiGroup": GROUP, "kind": "ClusterTrainingRuntime", "name": job.runtime},
        # The Trainer does not copy the labels of a TrainJob to its pods, but it applies a patch of the runtime to them.
        "runtimePatches": [{"manager": _MANAGER, "trainingRuntimeSpec": {"template": {"spec": _pod_labels(labels)}}}],
        "trainer": _trainer(job),
    }
    # The digest leaves out the labels: another study, or a run with another priority, may want the same training.
    metadata["annotations"] = {SPEC_DIGEST: digest_of([spec["runtimeRef"], spec["trainer"]])}
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": "TrainJob", "metadata": metadata, "spec": spec}


def _pod_labels(labels: Mapping[str, str]) -> dict[str, Any]:
    pod = {"metadata": {"labels": dict(labels)}}
    return {"replicatedJobs": [{"name": NODE, "template": {"spec": {"template": pod}}}]}


def _trainer(job: TrainJob) -> dict[str, Any]:
    environment: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in job.environment.items()]
    environment += [
        {"name": key, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for secret, keys in job.secrets.items()
        for key in keys
    ]
    trainer: dict[str, Any] = {
        "numNodes": job.nodes,
        "numProcPerNode": job.processes_per_node,
        "command": list(job.command),
        "env": environment,
    }
    if job.image:
        trainer["image"] = job.image
    if job.gpus_per_node:
        # As text, because Kubernetes stores quantities as text. GPUs are in the limits only. Without GPUs, the
        # runtime's own resources apply.
        shared = {
            "cpu": str(job.gpus_per_node * job.cpus_per_gpu),
            "memory": f"{job.gpus_per_node * job.gibibytes_per_gpu}Gi",
        }
        trainer["resourcesPerNode"] = {"requests": shared, "limits": {**shared, _GPU: str(job.gpus_per_node)}}
    return trainer
