"""The cluster's launcher: one TrainJob from its creation to its end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shallowsight.errors import ConfigurationError, ShallowsightError
from shallowsight.services.cluster.api import Cluster
from shallowsight.services.cluster.submission import Say, is_of, submit
from shallowsight.services.cluster.trainjob import TrainJob
from shallowsight.services.cluster.watch import Limits, watch


@dataclass(frozen=True)
class Pace:
    """Seconds."""

    poll_seconds: float = 5.0  # between two looks
    gone_seconds: float = 600.0  # for a deleted TrainJob and its pods to go


def run(cluster: Cluster, job: TrainJob, limits: Limits, *, say: Say, on_line: Say, pace: Pace = Pace()) -> None:
    """Run a training on the cluster, to its end.

    A second call with an equal job joins the first one's TrainJob, or returns at once if that is complete.

    Args:
        say: hears what becomes of the job.
        on_line: hears each line that the first node writes, but those that say why it ends.

    Raises:
        ConfigurationError: the cluster refuses the job, or another one of its name is running.
        ClusterUnavailable: the API server does not answer; the training goes on, and the same call joins it.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the TrainJob is deleted, and its pods save their state.
        ShallowsightError: the training failed, of the type that it failed with where it said so; or it was deleted,
            or a limit was reached.
    """
    if job.namespace != cluster.namespace:
        raise ConfigurationError(f"TrainJob {job.name} is for namespace {job.namespace}, not {cluster.namespace}")
    with _sigterm_as_interrupt():
        try:
            submit(cluster, job, say, pace.poll_seconds, pace.gone_seconds)
            watch(cluster, job, limits, say, on_line, pace.poll_seconds)
        except KeyboardInterrupt:
            _stop(cluster, job, say)
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


def _stop(cluster: Cluster, job: TrainJob, say: Say) -> None:
    try:
        found = cluster.find(job.name)
        if found is None or not is_of(job, found):
            say("interrupted before there was a TrainJob")
            return
        cluster.delete(job.name, found["metadata"]["uid"])
    except ShallowsightError as error:
        say(
            f"interrupted, and TrainJob {job.name} could not be deleted: {error}. "
            f"It goes on until: kubectl delete trainjob -n {job.namespace} {job.name}"
        )
    else:
        say(f"interrupted: TrainJob {job.name} is deleted; its pods save their state, and the same command continues")


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """SIGTERM is a KeyboardInterrupt in the block, as Ctrl-C is (in the main thread)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
