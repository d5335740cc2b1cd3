"""Watch a TrainJob until it ends."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from shallowsight.cluster.kubernetes.api import Cluster, Object
from shallowsight.cluster.kubernetes.clock import Clock
from shallowsight.cluster.kubernetes.failures import first_cause, unexplained
from shallowsight.cluster.kubernetes.logs import LogReader, without_time
from shallowsight.cluster.kubernetes.pods import Pod, nodes_of
from shallowsight.cluster.kubernetes.reasons import with_reason
from shallowsight.cluster.kubernetes.states import Phase, State, state_of
from shallowsight.cluster.kubernetes.submission import Say
from shallowsight.cluster.kubernetes.trainjob import TrainJob
from shallowsight.errors import ShallowsightError
from shallowsight.store.failures import failure_in

_KEPT_LINES = 500  # of a log, for the search of the cause of a failure
_CONTINUE = "The same command continues from its last saved state"


@dataclass(frozen=True)
class Limits:
    """The limits in seconds for training, without the time of waiting, and for each wait."""

    deadline_seconds: float
    queue_seconds: float


class Deleted(ShallowsightError):
    """The TrainJob that was watched was deleted, and perhaps replaced by another one of its name."""


def watch(
    cluster: Cluster, job: TrainJob, uid: str, limits: Limits, say: Say, on_line: Say, poll_seconds: float
) -> ShallowsightError | None:
    """Watch a training until it ends; returns the error that it failed with, or None if its TrainJob is complete.

    Raises:
        Deleted: a user or another run deleted the TrainJob.
        ShallowsightError: the TrainJob reached a limit.
        ConfigurationError: the cluster refuses a request.
        ClusterUnavailable: the cluster does not answer.
    """
    return _Watch(cluster, job, uid, limits, say, on_line).until_over(poll_seconds)


class _Watch:
    def __init__(self, cluster: Cluster, job: TrainJob, uid: str, limits: Limits, say: Say, on_line: Say) -> None:
        self._cluster, self._job, self._uid, self._say, self._on_line = cluster, job, uid, say, on_line
        self._clock = Clock(limits.deadline_seconds, limits.queue_seconds, time.monotonic())
        self._log = LogReader(cluster)
        self._heard: deque[str] = deque(maxlen=_KEPT_LINES)
        self._failures: list[ShallowsightError] = []  # reported by the pod whose log is read
        self._pod = ""
        self._known: list[Pod] = []
        self._said = State(Phase.STARTING)

    def until_over(self, poll_seconds: float) -> ShallowsightError | None:
        while True:
            found = self._look()
            nodes = self._nodes()
            state = state_of(found, nodes)
            if not nodes and state.phase in {Phase.QUEUED, Phase.STARTING}:
                state = with_reason(state, self._cluster, found)
            if nodes and nodes[0].phase != "Pending":
                self._listen(nodes[0])
            if state != self._said:
                self._said = state
                self._say(f"TrainJob {self._job.name} is {state}")
            if state.phase is Phase.COMPLETE:
                return None
            if state.phase is Phase.FAILED:
                return self._failure(state, nodes)
            over = self._clock.over(state, time.monotonic())
            if over:
                self._cluster.delete(self._job.name, self._uid)
                raise ShallowsightError(f"TrainJob {self._job.name} {over}. It is deleted. {_CONTINUE}")
            time.sleep(poll_seconds)

    def _look(self) -> Object:
        found = self._cluster.find(self._job.name)
        if found is None or "deletionTimestamp" in found["metadata"] or found["metadata"]["uid"] != self._uid:
            raise Deleted(f"TrainJob {self._job.name} was deleted by a user or by another run. {_CONTINUE}")
        return found

    def _nodes(self) -> list[Pod]:
        """The pods; after a failed request the last known ones, because it does not mean that the pods have ended."""
        found = self._cluster.pods(self._job.name)
        if found is not None:
            self._known = nodes_of(found)
        return self._known

    def _listen(self, first: Pod) -> None:
        if first.name != self._pod:
            self._pod = first.name
            self._failures.clear()  # the failures of the pod before, after which the cluster started a new pod
        for line in self._log.new_lines(first.name, first.has_ended):
            failure = failure_in(line)
            if failure is not None:
                self._failures.append(failure)
            else:
                self._heard.append(line)
                self._on_line(line)

    def _failure(self, state: State, nodes: Sequence[Pod]) -> ShallowsightError:
        others = [pod for pod in nodes if pod.phase == "Failed" and pod.name != self._pod]
        tails = [self._tail(pod) for pod in others]
        said = [*self._failures, *(each for tail in tails for each in map(failure_in, tail) if each is not None)]
        cause = first_cause(said)
        if cause is not None:
            return cause
        ends = "; ".join(f"pod {pod.name}: {pod.why}" for pod in nodes if pod.phase == "Failed" and pod.why)
        said_last = list(self._heard) or next(filter(None, tails), [])
        return unexplained(f"TrainJob {self._job.name}", "; ".join(filter(None, (state.why, ends))), said_last)

    def _tail(self, pod: Pod) -> list[str]:
        return [without_time(line) for line in (self._cluster.log(pod.name, lines=_KEPT_LINES) or "").splitlines()]
