"""The training step on a cluster: one TrainJob for each cell, whose pods read the store and write the cell into it."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.cluster.pod_task import PodTask
from shallowsight.errors import ConfigurationError, CorruptOutput, OutOfMemory, ShallowsightError
from shallowsight.store.cells import Cell
from shallowsight.store.digest import digest_of
from shallowsight.store.mirror import MirroredStore
from shallowsight.store.stage_task import StageTask
from shallowsight.store.store import Store
from shallowsight.store.training_states import SAVE_SECONDS, STATES
from shallowsight.study.stages import StageName

if TYPE_CHECKING:
    from shallowsight.cluster.kubernetes.api import Cluster
    from shallowsight.cluster.kubernetes.trainjob import TrainJob

log = logging.getLogger(__name__)

LAUNCHER = "SHALLOWSIGHT_LAUNCHER"  # local or trainjob; local by default
GPUS_PER_NODE = "SHALLOWSIGHT_GPUS_PER_NODE"  # 8 by default
CPUS_PER_GPU, GIBIBYTES_PER_GPU = "SHALLOWSIGHT_CPUS_PER_GPU", "SHALLOWSIGHT_GIBIBYTES_PER_GPU"  # 8 and 96 by default
NAMESPACE = "SHALLOWSIGHT_NAMESPACE"  # of the TrainJobs; by default the namespace of this pod
QUEUE = "SHALLOWSIGHT_QUEUE"  # a LocalQueue of Kueue; by default TrainJobs do not use a queue
_DAY = 86400.0  # seconds
_DEADLINE, _QUEUE_TIME = 14 * _DAY, 7 * _DAY  # of one training; the pipeline step has time for several trainings


def uses_trainjobs() -> bool:
    """Whether trainings run as TrainJobs; raises ConfigurationError for an unknown launcher."""
    chosen = os.environ.get(LAUNCHER) or "local"
    if chosen not in {"local", "trainjob"}:
        raise ConfigurationError(f"{LAUNCHER}={chosen!r}: write local or trainjob")
    return chosen == "trainjob"


def training_name(stage: StageName, cell_digest: str, store_url: str) -> str:
    """The name of the TrainJob that makes a cell of a store; the same cell in two stores has two names."""
    from shallowsight.cluster.kubernetes.names import job_name

    return job_name(stage, f"{cell_digest}-{digest_of(store_url)[:6]}")


@dataclass(frozen=True)
class Launch:
    """The options that a pipeline run has for its trainings."""

    gpus: int = 0  # of each training; 0: one process on a CPU
    priority: str = ""  # of the TrainJobs, if there is a queue
    run: str = ""  # the id of the pipeline run; a training that failed for good is not retried in the same run


def train_on_cluster(task: StageTask, store: Store, launch: Launch) -> Path:
    """Train a cell with a TrainJob, and return the folder of the cell.

    If a micro-batch does not fit the memory of a node, a new TrainJob is created with smaller micro-batches and the
    same global batch.

    Raises:
        ConfigurationError: the pods cannot reach the store, or the GPUs do not fill whole nodes.
        ShallowsightError: the training failed, now or in an earlier try of the run (see cluster.kubernetes.launcher),
            or the TrainJob is complete without a cell.
    """
    from shallowsight.cluster.kubernetes.final import failure_of_run, keep_failure

    cell = task.cell
    if store.is_whole(cell):
        store.ledger.append("reused", cell)
        return store.place(cell)
    if not isinstance(store, MirroredStore):
        raise ConfigurationError(
            f"store {store.url}: the pods of a TrainJob reach a bucket only; give s3://bucket/prefix"
        )
    earlier = failure_of_run(store, cell.digest, launch.run)
    if earlier is not None:
        raise earlier
    nodes, on_each = _nodes(launch.gpus)
    processes = nodes * max(1, on_each)
    told = PodTask(**dict(task), processes=processes)
    failure = _train(told, store, nodes, on_each, launch.priority)
    if failure is not None:
        keep_failure(store, cell.digest, launch.run, failure)
        raise failure
    return store.place(cell)


def _train(task: PodTask, store: Store, nodes: int, gpus: int, priority: str) -> ShallowsightError | None:
    """Returns the error of the training; None: the cell is complete."""
    from shallowsight.cluster.kubernetes.connection import connect

    cluster = connect(os.environ.get(NAMESPACE) or None)
    job = _job(task, store, cluster.namespace, nodes, gpus, priority)
    while True:
        task = task.with_known_passes(store)
        task.write(store)
        failure = _make(cluster, job, task.cell, store)
        more = failure.more_passes if isinstance(failure, OutOfMemory) else None
        if more is None or more <= (task.accumulation or 1):
            return failure
        log.warning("%s; TrainJob %s goes on with accumulation=%d, the same global batch", failure, job.name, more)
        task = task.model_copy(update={"accumulation": more})


def _make(cluster: "Cluster", job: "TrainJob", cell: Cell, store: Store) -> ShallowsightError | None:
    from shallowsight.cluster.kubernetes.launcher import forget, run
    from shallowsight.cluster.kubernetes.watch import Limits

    for _ in range(2):
        failure = run(cluster, job, Limits(_DEADLINE, _QUEUE_TIME), say=log.info, on_line=log.info)
        if failure is not None:
            return failure
        try:
            store.verify(cell)
            return None
        except CorruptOutput as fault:
            # The TrainJob was completed earlier, and its cell was deleted from the store since then.
            log.warning("TrainJob %s is complete, but %s; running it again", job.name, fault)
            forget(cluster, job)
    raise ShallowsightError(
        f"{cell}: TrainJob {job.name} is complete, but the store has no complete cell; see the TrainJob's log"
    )


def _job(task: PodTask, store: Store, namespace: str, nodes: int, gpus: int, priority: str) -> "TrainJob":
    from shallowsight.cluster.kubernetes.trainjob import TrainJob

    cell, queue = task.cell, os.environ.get(QUEUE) or None
    return TrainJob(
        name=training_name(task.stage, cell.digest, store.url),
        namespace=namespace,
        nodes=nodes,
        processes_per_node=max(1, gpus),
        gpus_per_node=gpus,
        cpus_per_gpu=_whole(CPUS_PER_GPU, 8),
        gibibytes_per_gpu=_whole(GIBIBYTES_PER_GPU, 96),
        environment={name: os.environ[name] for name in (SAVE_SECONDS, STATES) if os.environ.get(name)},
        command=("python", "-m", "shallowsight.steps.pod", store.url, cell.digest, str(task.processes)),
        study=task.resolved.study.name,
        cell=cell.digest,
        stage=task.stage,
        queue=queue,
        priority=priority or None if queue else None,
    )


def _nodes(gpus: int) -> tuple[int, int]:
    """The number of nodes, and of GPUs on each node."""
    most = _whole(GPUS_PER_NODE, 8)
    if gpus > most and gpus % most:
        raise ConfigurationError(f"gpus={gpus}: nodes have {most} ({GPUS_PER_NODE}); use up to {most}, or a multiple")
    return max(1, gpus // most), min(gpus, most)


def _whole(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(f"{name}={text!r}: write a whole number from 1, for instance {default}")
    return int(text)
