"""Create a TrainJob on the cluster, or find it there."""

import time
from collections.abc import Callable

from shallowsight.cluster.kubernetes.api import Cluster, Object
from shallowsight.cluster.kubernetes.states import Phase, State, state_of
from shallowsight.cluster.kubernetes.trainjob import SPEC_DIGEST, TrainJob, body
from shallowsight.errors import ConfigurationError, ShallowsightError

Say = Callable[[str], None]
_LOOKS = 6  # how often a successor of a deleted TrainJob is looked for


def submit(cluster: Cluster, job: TrainJob, say: Say, poll_seconds: float, gone_seconds: float) -> str:
    """Create the TrainJob, or take an equal one that exists already; a failed TrainJob of its name is deleted first.

    Returns its uid.

    Raises:
        ConfigurationError: a different TrainJob of that name is running, or the cluster refuses this one.
        ShallowsightError: the deleted TrainJob of that name does not end.
        ClusterUnavailable: no answer.
    """
    wanted = body(job)
    while (made := cluster.create(wanted)) is None:
        found = cluster.find(job.name)
        if found is None:  # the TrainJob was deleted between the two requests
            time.sleep(poll_seconds)
            continue
        state = state_of(found, [])
        if "deletionTimestamp" in found["metadata"]:
            say(f"TrainJob {job.name} is being deleted; waiting for its end")
            _wait_until_gone(cluster, found, poll_seconds, gone_seconds)
        elif is_of(job, found) and state.phase is not Phase.FAILED:
            say(f"TrainJob {job.name} is there already; following it")
            return _uid(found)
        elif state.is_final:
            say(f"TrainJob {job.name} is replaced: the earlier TrainJob of this name has ended ({state})")
            cluster.delete(job.name, _uid(found))
        else:
            raise _another(job, state)
    say(f"TrainJob {job.name} is created in namespace {job.namespace}")
    return _uid(made)


def successor(cluster: Cluster, job: TrainJob, uid: str, poll_seconds: float, gone_seconds: float) -> str:
    """The uid of an equal TrainJob that another run creates in place of this deleted one; empty if none does."""
    until = time.monotonic() + gone_seconds
    missing = 0
    while missing < _LOOKS and time.monotonic() < until:
        found = cluster.find(job.name)
        if found is None:
            missing += 1
        elif _uid(found) != uid and "deletionTimestamp" not in found["metadata"]:
            return _uid(found) if is_of(job, found) else ""
        time.sleep(poll_seconds)
    return ""


def find_uid(cluster: Cluster, job: TrainJob) -> str:
    """The uid of the job's TrainJob; empty when there is none."""
    found = cluster.find(job.name)
    return _uid(found) if found is not None and is_of(job, found) else ""


def _uid(found: Object) -> str:
    return str(found["metadata"]["uid"])


def is_of(job: TrainJob, found: Object) -> bool:
    """Whether a TrainJob of the cluster is equal to the one that `submit` would create for the job."""
    wanted: str = body(job)["metadata"]["annotations"][SPEC_DIGEST]
    return bool(found["metadata"].get("annotations", {}).get(SPEC_DIGEST) == wanted)


def _another(job: TrainJob, state: State) -> ConfigurationError:
    return ConfigurationError(
        f"a TrainJob {job.name} with other nodes, image, command or environment exists already ({state}). "
        f"Wait for its end, or end it with: kubectl delete trainjob -n {job.namespace} {job.name}"
    )


def _wait_until_gone(cluster: Cluster, found: Object, poll_seconds: float, gone_seconds: float) -> None:
    name, uid = found["metadata"]["name"], _uid(found)
    until = time.monotonic() + gone_seconds
    while (left := cluster.find(name)) is not None and _uid(left) == uid:
        if time.monotonic() > until:
            raise ShallowsightError(
                f"TrainJob {name} was deleted {gone_seconds:.0f} s ago and still exists: a pod does not end, or a "
                f"finalizer blocks the deletion. Look with: kubectl get trainjob,pods -n {cluster.namespace} -o yaml"
            )
        time.sleep(poll_seconds)
