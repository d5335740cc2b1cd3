"""Where a TrainJob stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from shallowsight.cluster.kubernetes.api import Object
from shallowsight.cluster.kubernetes.pods import Pod
from shallowsight.cluster.kubernetes.trainjob import QUEUE


class Phase(Enum):
    """Where a TrainJob is on its way, in words for a person."""

    QUEUED = "waiting in queue"
    STARTING = "starting"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True)
class State:
    """`why` it is no further; of a failure, its reason."""

    phase: Phase
    why: str = ""

    @property
    def is_final(self) -> bool:
        return self.phase in {Phase.COMPLETE, Phase.FAILED}

    def __str__(self) -> str:
        return f"{self.phase.value}: {self.why}" if self.why else self.phase.value


def state_of(found: Object, nodes: Sequence[Pod]) -> State:
    """From its conditions, and where they say nothing, from its pods.

    A TrainJob has no condition while it starts and runs, and one that was resumed keeps a false `Suspended`.
    """
    status = found.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or [] if each["status"] == "True"}
    if "Failed" in conditions:
        return State(Phase.FAILED, f"{conditions['Failed']['reason']}, {conditions['Failed']['message']}")
    if "Complete" in conditions:
        return State(Phase.COMPLETE)
    if found["spec"].get("suspend") or "Suspended" in conditions:
        queue = found["metadata"].get("labels", {}).get(QUEUE)
        return State(Phase.QUEUED, queue or "suspended, and in no queue: resume it with kubectl")
    if not nodes:
        # Nobody may have granted us a look at the pods; the Trainer counts them too.
        ready = any(job["ready"] for job in status.get("jobsStatus") or [])
        return State(Phase.RUNNING) if ready else State(Phase.STARTING, "no pods yet")
    missing = found["spec"]["trainer"]["numNodes"] - len(nodes)
    waiting = [pod for pod in nodes if pod.leaving or pod.phase not in {"Running", "Succeeded"}]
    if waiting or missing > 0:
        return State(Phase.STARTING, next(filter(None, map(_waiting_for, waiting)), ""))
    return State(Phase.RUNNING, f"restart {nodes[0].restart}" if nodes[0].restart else "")


def _waiting_for(pod: Pod) -> str:
    if pod.leaving or pod.has_ended:
        return f"pod {pod.name} ended ({pod.why or pod.phase}); the cluster starts it again"
    return f"pod {pod.name}: {pod.why}" if pod.why else ""
