"""The cluster's launcher: one TrainJob from its creation to its end."""

from dataclasses import dataclass

from shallowsight.cluster.kubernetes.api import Cluster
from shallowsight.cluster.kubernetes.submission import Say, find_uid, submit, successor
from shallowsight.cluster.kubernetes.trainjob import TrainJob
from shallowsight.cluster.kubernetes.watch import Deleted, Limits, watch
from shallowsight.cluster.stop_signal import sigterm_as_interrupt
from shallowsight.errors import ConfigurationError, ShallowsightError


@dataclass(frozen=True)
class Pace:
    """Seconds."""

    poll_seconds: float = 5.0  # between two looks
    gone_seconds: float = 600.0  # for a deleted TrainJob and its pods to go


def run(
    cluster: Cluster, job: TrainJob, limits: Limits, *, say: Say, on_line: Say, pace: Pace = Pace()
) -> ShallowsightError | None:
    """Run a training on the cluster, to its end: why it failed, of the type that it failed with; None: it is complete.

    A second call with an equal job joins the first one's TrainJob, or returns at once if that is complete; one that
    has failed is replaced.

    Args:
        say: hears what becomes of the job.
        on_line: hears each line that the first node writes, but those that say why it ends.

    Raises:
        ConfigurationError: the cluster refuses the job, or another one of its name is running.
        ClusterUnavailable: the API server does not answer; the training goes on, and the same call joins it.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the TrainJob is deleted, and its pods save their state.
        ShallowsightError: the TrainJob was deleted and not replaced, or a limit was reached.
    """
    if job.namespace != cluster.namespace:
        raise ConfigurationError(f"TrainJob {job.name} is for namespace {job.namespace}, not {cluster.namespace}")
    uid = ""
    with sigterm_as_interrupt():
        try:
            uid = submit(cluster, job, say, pace.poll_seconds, pace.gone_seconds)
            while True:
                try:
                    return watch(cluster, job, uid, limits, say, on_line, pace.poll_seconds)
                except Deleted as fault:
                    # Another run that wants the same cell may have seen it fail first, and have replaced it.
                    uid = successor(cluster, job, uid, pace.poll_seconds, pace.gone_seconds)
                    if not uid:
                        raise fault from None
                    say(f"TrainJob {job.name} was replaced by another run; following that one")
        except KeyboardInterrupt:
            _stop(cluster, job, uid, say)
            raise


def forget(cluster: Cluster, job: TrainJob) -> None:
    """Delete the job's TrainJob, for instance a complete one whose outputs are gone from the store.

    Raises:
        ConfigurationError: the cluster refuses.
        ClusterUnavailable: no answer.
    """
    found = cluster.find(job.name)
    if found is not None:
        cluster.delete(job.name, found["metadata"]["uid"])


def _stop(cluster: Cluster, job: TrainJob, uid: str, say: Say) -> None:
    """With one request where the uid is known: the pod of a run that is terminated has about a second."""
    try:
        # Else the answer to its creation may have been on its way.
        uid = uid or find_uid(cluster, job)
        if not uid:
            say("interrupted before there was a TrainJob")
            return
        deleted = cluster.delete(job.name, uid)
    except ShallowsightError as error:
        say(
            f"interrupted, and TrainJob {job.name} could not be deleted: {error}. "
            f"It goes on until: kubectl delete trainjob -n {job.namespace} {job.name}"
        )
        return
    if deleted:
        say(f"interrupted: TrainJob {job.name} is deleted; its pods save their state, and the same command continues")
    else:
        say(f"interrupted: TrainJob {job.name} was gone already; the same command continues")
