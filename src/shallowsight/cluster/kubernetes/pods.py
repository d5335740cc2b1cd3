"""The state of the pods of a TrainJob."""

from collections.abc import Iterable
from dataclasses import dataclass

from shallowsight.cluster.kubernetes.api import Object

_INDEX = "batch.kubernetes.io/job-completion-index"
_RESTART = "jobset.sigs.k8s.io/restart-attempt"
_STARTING = {"ContainerCreating", "PodInitializing"}  # reasons of a waiting pod that are no problem
_LONGEST = 300


@dataclass(frozen=True)
class Pod:
    """One node of a training. `why` is the reason why it waits or why it failed, and may be empty."""

    name: str
    index: int
    phase: str  # Pending, Running, Succeeded, Failed or Unknown
    created: str
    restart: int  # how often the cluster has restarted all nodes
    leaving: bool  # the cluster has told the pod to end
    why: str

    @property
    def has_ended(self) -> bool:
        return self.phase in {"Succeeded", "Failed"}


def nodes_of(objects: Iterable[Object]) -> list[Pod]:
    """The newest pod of every node, in the order of the nodes."""
    newest: dict[int, Pod] = {}
    for pod in map(_pod, objects):
        known = newest.get(pod.index)
        if known is None or (known.restart, not known.leaving, known.created) < (
            pod.restart,
            not pod.leaving,
            pod.created,
        ):
            newest[pod.index] = pod
    return [newest[index] for index in sorted(newest)]


def _pod(found: Object) -> Pod:
    metadata, status = found["metadata"], found.get("status", {})
    labels = metadata.get("labels", {})
    return Pod(
        name=metadata["name"],
        index=int(labels.get(_INDEX, 0)),
        phase=status.get("phase", "Pending"),
        created=metadata.get("creationTimestamp") or "",
        restart=int(labels.get(_RESTART, 0)),
        leaving="deletionTimestamp" in metadata,
        why=_why(status)[:_LONGEST],
    )


def _why(status: Object) -> str:
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    scheduled, disrupted = conditions.get("PodScheduled", {}), conditions.get("DisruptionTarget", {})
    if scheduled.get("status") == "False":
        return _said(scheduled)
    if status.get("reason"):  # Evicted, Preempting, NodeLost ...
        return _said(status)
    if disrupted.get("status") == "True":
        return _said(disrupted)
    return next(filter(None, map(_container, _containers(status))), "")


def _containers(status: Object) -> list[Object]:
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _container(found: Object) -> str:
    state = found.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    if waiting and waiting.get("reason") not in _STARTING:
        return _said(waiting)
    if ended and ended.get("exitCode") != 0:
        return f"{ended.get('reason') or 'Error'}, exit status {ended.get('exitCode')}"
    return ""


def _said(found: Object) -> str:
    return ", ".join(filter(None, (found.get("reason"), found.get("message"))))
