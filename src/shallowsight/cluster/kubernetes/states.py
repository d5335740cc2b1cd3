"""The state of a TrainJob."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from shallowsight.cluster.kubernetes.api import Object
from shallowsight.cluster.kubernetes.pods import Pod
from shallowsight.cluster.kubernetes.trainjob import QUEUE


class Phase(Enum):
    """The phases of a TrainJob, in words for messages."""

    QUEUED = "waiting in queue"
    STARTING = "starting"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True)
class State:
    """A phase, and `why`: the reason of a failure, or why the TrainJob still waits."""

    phase: Phase
    why: str = ""

    @property
    def is_final(self) -> bool:
        return self.phase in {Phase.COMPLETE, Phase.FAILED}

    def __str__(self) -> str:
        return f"{self.phase.value}: {self.why}" if self.why else self.phase.value


def state_of(found: Object, nodes: Sequence[Pod]) -> State:
    """The state of a TrainJob from its conditions, or from its pods if no condition decides.

    A TrainJob has no condition while it starts and runs. After a resume it keeps a condition `Suspended` that is false.
    """
    status = found.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or [] if each["status"] == "True"}
    if "Failed" in conditions:
        return State(Phase.FAILED, f"{conditions['Failed']['reason']}, {conditions['Failed']['message']}")
    if "Complete" in conditions:
        return State(Phase.COMPLETE)
    if found["spec"].get("suspend") or "Suspended" in conditions:
        queue = found["metadata"].get("labels", {}).get(QUEUE)
        return State(Phase.QUEUED, queue or "suspended, but in no queue: resume it with kubectl")
    if not nodes:
        # This account may have no right to list pods; the Trainer counts them in the TrainJob's status.
        ready = any(job["ready"] for job in status.get("jobsStatus") or [])
        return State(Phase.RUNNING) if ready else State(Phase.STARTING, "no pods yet")
    missing = found["spec"]["trainer"]["numNodes"] - len(nodes)
    waiting = [pod for pod in nodes if pod.leaving or pod.phase not in {"Running", "Succeeded"}]
    if waiting or missing > 0:
        return State(Phase.STARTING, next(filter(None, map(_waiting_for, waiting)), ""))
    return State(Phase.RUNNING, f"restart {nodes[0].restart}" if nodes[0].restart else "")


def _waiting_for(pod: Pod) -> str:
    if pod.leaving or pod.has_ended:
        return f"pod {pod.name} ended ({pod.why or pod.phase}); the cluster restarts it"
    return f"pod {pod.name}: {pod.why}" if pod.why else ""
