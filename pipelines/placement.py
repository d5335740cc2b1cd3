"""Where the boxes run on a cluster, said once. A local run takes no notice of it."""

from typing import NamedTuple

from kfp import dsl, kubernetes
from kfp.dsl import PipelineTask

STORE_SECRET = "shallowsight-store"  # keys and address of the S3 store, as manifests/base/storage makes it
JUDGE_SECRET, JUDGE_KEY = "shallowsight-judge", "SHALLOWSIGHT_JUDGE_KEY"
LAUNCHER_SETTINGS = "shallowsight-launcher"  # a ConfigMap: how trainings are started, in manifests/base/pipelines
METRICS_SETTINGS = "shallowsight-metrics"  # a ConfigMap beside it: where a box serves metrics, and how long
RETRAINING = "retraining"  # the component that the PodMonitor and the NetworkPolicy of such a box select
INTERACTIVE, SCHEDULED = "shallowsight-interactive", "shallowsight-scheduled"  # priorities in manifests/base/queue
# The labels of a pod that waits in Kueue's queue; the LocalQueue is the one in manifests/base/queue.
QUEUED = {"kueue.x-k8s.io/queue-name": "shallowsight", "kueue.x-k8s.io/priority-class": INTERACTIVE}
GPU = "nvidia.com/gpu"
LABELS = {"app.kubernetes.io/part-of": "shallowsight"}  # what costs and metrics are added up by
HOUR = 3600  # seconds
RUN = dsl.PIPELINE_JOB_ID_PLACEHOLDER  # what tells the runs on one store apart
_VARIABLES = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_SETTINGS = (
    "SHALLOWSIGHT_LAUNCHER",
    "SHALLOWSIGHT_NAMESPACE",
    "SHALLOWSIGHT_QUEUE",
    "SHALLOWSIGHT_GPUS_PER_NODE",
    "SHALLOWSIGHT_CPUS_PER_GPU",
    "SHALLOWSIGHT_GIBIBYTES_PER_GPU",
    "SHALLOWSIGHT_SAVE_SECONDS",
)
_METRICS = ("SHALLOWSIGHT_METRICS_PORT", "SHALLOWSIGHT_METRICS_LINGER")
_USER = 10001  # of the images
_A100 = {
    "key": "nvidia.com/gpu.product",  # as NVIDIA's feature discovery labels nodes
    "operator": "In",
    "values": ["NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-80GB-PCIe", "NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-PCIE-40GB"],
}


class Resources(NamedTuple):
    """Of a box: cores and memory that it is sure of, and the most memory that it may take."""

    cpu: str
    asked: str
    most: str


_PART_OF_A_CORE = Resources(cpu="500m", asked="2Gi", most="4Gi")


def light(*tasks: PipelineTask) -> None:
    """What plans, waits and reports: a part of one core."""
    for task in tasks:
        _common(task, _PART_OF_A_CORE, hours=12)
        _again(task)


def asks_a_judge(task: PipelineTask) -> None:
    """It waits for another model's replies, where the study asks one; the key is a secret of its own."""
    light(task)
    kubernetes.use_secret_as_env(task, JUDGE_SECRET, {JUDGE_KEY: JUDGE_KEY}, optional=True)


def data(task: PipelineTask) -> None:
    """What checks and packs records and pictures."""
    _common(task, Resources(cpu="1", asked="2Gi", most="16Gi"), hours=12)
    _again(task)


def gpu(task: PipelineTask, gpus: str) -> None:
    """What reads the tower or answers questions: one pod, on a node of the GPU pool; "0" GPUs will do.

    Where Kueue looks after pods, it waits in the queue of the trainings, always with the higher priority: labels are
    fixed when the pipeline is compiled, and a box that made way for each training would use up its retries.
    """
    _common(task, Resources(cpu="1", asked="4Gi", most="32Gi"), hours=24)
    _again(task)
    _labelled(task, QUEUED)
    task.set_accelerator_type(GPU).set_accelerator_limit(gpus)
    kubernetes.add_toleration(task, key=GPU, operator="Exists", effect="NoSchedule")
    # Wished for, not required: the same pipeline runs on a cluster with other GPUs, or none.
    kubernetes.add_node_affinity(task, match_expressions=[_A100], weight=100)
    kubernetes.empty_dir_mount(task, "shared-memory", "/dev/shm", medium="Memory", size_limit="8Gi")


def launches_training(task: PipelineTask) -> None:
    """It makes a TrainJob and follows it; the GPUs are the TrainJob's, placed by its runtime and its queue."""
    _common(task, Resources(cpu="500m", asked="2Gi", most="2Gi"), hours=60 * 24)
    _again(task)
    # Not optional: without it the box would train in its half core.
    kubernetes.use_config_map_as_env(task, LAUNCHER_SETTINGS, {name: name for name in _SETTINGS})


def shows_metrics(task: PipelineTask) -> None:
    """It serves metrics for as long as a scrape takes; the PodMonitor `shallowsight-retraining` finds it."""
    kubernetes.add_pod_label(task, "app.kubernetes.io/component", RETRAINING)
    # Optional: without it nothing is served, and the box ends at once.
    kubernetes.use_config_map_as_env(task, METRICS_SETTINGS, {name: name for name in _METRICS}, optional=True)
    kubernetes.use_field_path_as_env(task, "SHALLOWSIGHT_METRICS_ADDRESS", "status.podIP")


def _common(task: PipelineTask, resources: Resources, hours: int) -> None:
    # Little is asked for, so that a small cluster runs it; on a large one the rest of a node is there for it.
    task.set_cpu_request(resources.cpu).set_memory_request(resources.asked).set_memory_limit(resources.most)
    # The store knows what is whole; KFP's own cache would not notice a changed package or a lost artifact.
    task.set_caching_options(False)
    kubernetes.set_timeout(task, hours * HOUR)
    kubernetes.use_secret_as_env(task, STORE_SECRET, {name: name for name in _VARIABLES}, optional=True)
    kubernetes.set_security_context(task, run_as_user=_USER, run_as_group=_USER, run_as_non_root=True)
    kubernetes.empty_dir_mount(task, "cache", "/cache")
    _labelled(task, LABELS)


def _labelled(task: PipelineTask, labels: dict[str, str]) -> None:
    for key, value in labels.items():
        kubernetes.add_pod_label(task, key, value)


def _again(task: PipelineTask) -> None:
    """A pod may be evicted or lose its node; what is whole is not made again."""
    task.set_retry(num_retries=2, backoff_duration="30s", backoff_factor=2.0, backoff_max_duration="10m")
