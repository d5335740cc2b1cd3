"""The training step on a cluster: a TrainJob for each cell, whose pods read the store and write the cell there."""

import logging
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from shallowsight.cells import Cell, Resolved, stage_cell
from shallowsight.config import StageName
from shallowsight.errors import ConfigurationError, CorruptOutput, ShallowsightError
from shallowsight.services.mirror import MirroredStore
from shallowsight.services.store import Store
from shallowsight.settings import Setting

log = logging.getLogger(__name__)

LAUNCHER = "SHALLOWSIGHT_LAUNCHER"  # local or trainjob; left out: trainjob in a pod, local elsewhere
GPUS_PER_NODE = "SHALLOWSIGHT_GPUS_PER_NODE"
NAMESPACE = "SHALLOWSIGHT_NAMESPACE"  # where trainings run; left out: that of the pod
QUEUE = "SHALLOWSIGHT_QUEUE"  # a LocalQueue of Kueue; left out: trainings do not queue
_GPUS_PER_NODE = 8
_DAY = 86400.0  # seconds
_DEADLINE, _QUEUE_TIME = 13 * _DAY, 7 * _DAY  # within that of the box in the pipeline


class NodeTask(BaseModel):
    """What the pods of a TrainJob are told, through the store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resolved: Resolved
    setting: str
    seed: int
    stage: StageName

    @property
    def cell(self) -> Cell:
        return stage_cell(self.resolved, Setting.parse(self.setting), self.seed, self.stage)


def uses_trainjobs() -> bool:
    """Raises ConfigurationError for a launcher that there is not."""
    chosen = os.environ.get(LAUNCHER) or ("trainjob" if os.environ.get("KUBERNETES_SERVICE_HOST") else "local")
    if chosen not in {"local", "trainjob"}:
        raise ConfigurationError(f"{LAUNCHER}={chosen!r}: write local or trainjob")
    return chosen == "trainjob"


def document_of(cell_digest: str) -> str:
    """Where the store keeps the task of a TrainJob."""
    return f"jobs/{cell_digest}.json"


def train_on_cluster(
    resolved: Resolved, setting: Setting, seed: int, stage: StageName, store: Store, gpus: int, priority: str
) -> Path:
    """The place of the trained cell; 0 `gpus` are one process on a CPU. `priority` counts where there is a queue.

    Raises:
        ConfigurationError: the pods cannot reach the store, or `gpus` do not fill whole nodes.
        ShallowsightError: see services.cluster.launcher; or the TrainJob left no cell.
    """
    task = NodeTask(resolved=resolved, setting=str(setting), seed=seed, stage=stage)
    cell = task.cell
    if store.is_whole(cell):
        store.ledger.append("reused", cell)
        return store.place(cell)
    if not isinstance(store, MirroredStore):
        raise ConfigurationError(
            f"store {store.url}: the pods of a TrainJob reach a bucket only; give s3://bucket/prefix"
        )
    nodes, on_each = _nodes(gpus)
    store.write_document(document_of(cell.digest), task.model_dump_json())
    _run(task, store, nodes, on_each, priority)
    return store.place(cell)


def _run(task: NodeTask, store: Store, nodes: int, gpus: int, priority: str) -> None:
    from shallowsight.services.cluster.connection import connect
    from shallowsight.services.cluster.launcher import forget, run
    from shallowsight.services.cluster.names import job_name
    from shallowsight.services.cluster.trainjob import TrainJob
    from shallowsight.services.cluster.watch import Limits

    cluster, cell = connect(os.environ.get(NAMESPACE) or None), task.cell
    queue = os.environ.get(QUEUE) or None
    job = TrainJob(
        name=job_name(task.stage, cell.digest),
        namespace=cluster.namespace,
        nodes=nodes,
        processes_per_node=max(1, gpus),
        gpus_per_node=gpus,
        command=("python", "-m", "shallowsight.node", store.url, cell.digest),
        study=task.resolved.study.name,
        cell=cell.digest,
        stage=task.stage,
        queue=queue,
        priority=priority or None if queue else None,
    )
    for _ in range(2):
        run(cluster, job, Limits(_DEADLINE, _QUEUE_TIME), say=log.info, on_line=log.info)
        try:
            return store.verify(cell)
        except CorruptOutput as fault:
            # A complete one of an earlier day, whose cell somebody has removed since.
            log.warning("TrainJob %s is complete, but %s; running it again", job.name, fault)
            forget(cluster, job)
    raise ShallowsightError(f"{cell}: TrainJob {job.name} is complete, and the store has no whole cell; see its log")


def _nodes(gpus: int) -> tuple[int, int]:
    """How many nodes, and GPUs on each."""
    text = os.environ.get(GPUS_PER_NODE) or str(_GPUS_PER_NODE)
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(f"{GPUS_PER_NODE}={text!r}: write how many GPUs a node of the pool has")
    most = int(text)
    if gpus > most and gpus % most:
        raise ConfigurationError(f"gpus={gpus}: nodes have {most} ({GPUS_PER_NODE}); use up to {most}, or a multiple")
    return max(1, gpus // most), min(gpus, most)
