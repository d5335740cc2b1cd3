"""The launcher of trainings on a cluster: follows one TrainJob from its creation to its end."""

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

    poll_seconds: float = 5.0  # between two requests for the TrainJob's state
    gone_seconds: float = 600.0  # in which a deleted TrainJob and its pods must end


def run(
    cluster: Cluster, job: TrainJob, limits: Limits, *, say: Say, on_line: Say, pace: Pace = Pace()
) -> ShallowsightError | None:
    """Run a training on the cluster until it ends; returns the error that it failed with, or None if it is complete.

    A second call with an equal job follows the TrainJob of the first call, or returns at once if the TrainJob is
    complete. The launcher deletes a failed TrainJob of the same name before it creates the new one.

    Args:
        say: called with a sentence for every change of the job's state.
        on_line: called with each line of the first node's log, except those that report a failure.

    Raises:
        ConfigurationError: the cluster refuses the job, or a different TrainJob of its name is running.
        ClusterUnavailable: the API server does not answer; the training goes on, and the same call follows it again.
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
                    # Another run that wants the same cell may have seen the TrainJob fail first, and have replaced it.
                    uid = successor(cluster, job, uid, pace.poll_seconds, pace.gone_seconds)
                    if not uid:
                        raise fault from None
                    say(f"TrainJob {job.name} was replaced by another run; following the new TrainJob")
        except KeyboardInterrupt:
            _stop(cluster, job, uid, say)
            raise


def forget(cluster: Cluster, job: TrainJob) -> None:
    """Delete the job's TrainJob, for instance a complete one whose outputs were deleted from the store.

    Raises:
        ConfigurationError: the cluster refuses.
        ClusterUnavailable: no answer.
    """
    found = cluster.find(job.name)
    if found is not None:
        cluster.delete(job.name, found["metadata"]["uid"])


def _stop(cluster: Cluster, job: TrainJob, uid: str, say: Say) -> None:
    """Delete the TrainJob.

    With a known uid this takes one request, because the pod of a terminated run has about a second left.
    """
    try:
        # Without a uid, the TrainJob may exist all the same: the answer to its creation may still have been on its way.
        uid = uid or find_uid(cluster, job)
        if not uid:
            say("interrupted before the TrainJob was created")
            return
        deleted = cluster.delete(job.name, uid)
    except ShallowsightError as error:
        say(
            f"interrupted, and TrainJob {job.name} could not be deleted: {error}. "
            f"The training goes on; end it with: kubectl delete trainjob -n {job.namespace} {job.name}"
        )
        return
    if deleted:
        say(f"interrupted: TrainJob {job.name} is deleted; its pods save their state, and the same command continues")
    else:
        say(f"interrupted: TrainJob {job.name} was already deleted; the same command continues")
