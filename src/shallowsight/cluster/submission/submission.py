"""Send a study to a cluster, and watch its run."""

import time
from collections.abc import Callable, Sequence

from shallowsight.cluster.kubeflow.api import KfpApi
from shallowsight.cluster.kubeflow.faults import ServerUnavailable
from shallowsight.cluster.kubeflow.runs import Runs
from shallowsight.cluster.kubeflow.shipped import Order, Shipped, shipped
from shallowsight.cluster.kubeflow.values import Run
from shallowsight.cluster.kubeflow.versions import Versions
from shallowsight.cluster.submission.store_url import bucket_url
from shallowsight.cluster.submission.study import Kind, request
from shallowsight.errors import ConfigurationError, Interrupted, ShallowsightError
from shallowsight.store.digest import digest_of

Say = Callable[[str], None]
_PAUSE = 15.0  # seconds between two requests for the state of a run
_PATIENCE = 600.0  # seconds for which a server may not answer while a run is watched


class Submission:
    """A study to be sent. Everything that this machine can check is checked before a request is sent."""

    def __init__(
        self,
        pipeline: str,
        name_or_file: str,
        words: Sequence[str],
        store: str,
        gpus: int,
        step_gpus: int | None = None,
        parallelism: int | None = None,
    ) -> None:
        """Raises ConfigurationError for a name, key or value that does not exist or does not fit."""
        self.pipeline: Shipped = shipped(pipeline, parallelism)
        kind: Kind = "study" if "study" in self.pipeline.inputs else "experiment"
        asked = request(kind, name_or_file, words, gpus)
        try:
            self.store = bucket_url(store)
        except ValueError as error:
            raise ConfigurationError(f"--{error}") from None
        self.arguments = self.pipeline.arguments(
            Order(kind=kind, name=asked.name, words=asked.words, store=self.store, gpus=gpus, step_gpus=step_gpus)
        )
        # Two submissions with equal arguments have the same name.
        self.name = f"{asked.name} {digest_of(self.arguments)[:8]}"

    def send(self, api: KfpApi, experiment: str, service_account: str | None) -> str:
        """Start the run and return its id."""
        version = Versions(api).version(self.pipeline)
        return Runs(api).start(self.name, api.experiment(experiment), version, self.arguments, service_account)


def wait_for(api: KfpApi, run_id: str, say: Say, pause: float = _PAUSE, patience: float = _PATIENCE) -> Run:
    """Wait until the run has ended and return it; `say` gets every change of a step's state once.

    Raises:
        ServerUnavailable: the server did not answer for `patience` seconds. The run goes on.
        Interrupted: Ctrl-C. The run goes on.
    """
    seen: dict[str, str] = {}
    answered = time.monotonic()
    try:
        while True:
            try:
                run = Runs(api).run(run_id)
                answered = time.monotonic()
            except ServerUnavailable as error:
                if time.monotonic() - answered > patience:
                    raise ServerUnavailable(f"{error}; run {run_id} goes on: shallowsight status {run_id}") from None
                time.sleep(pause)
                continue
            for line in _news(run, seen):
                say(line)
            if run.finished:
                return run
            time.sleep(pause)
    except KeyboardInterrupt:
        raise Interrupted(f"stopped watching; the run goes on: shallowsight status {run_id}") from None


def lines_of(run: Run) -> list[str]:
    """A description of a run for a person, with a line for each step."""
    width = max((len(task.name) for task in run.tasks), default=0)
    boxes = [f"  {task.name:<{width}}  {task.state.lower()}" for task in run.tasks]
    return [f"{run.name}: {run.state.lower()}", *boxes, *failures(run)]


def failures(run: Run) -> list[str]:
    """A line for each step that failed, with its message."""
    found = [f"failed: {task.name}: {_one_line(task.error)}" for task in run.tasks if task.error]
    return [*found, *([f"failed: the run: {_one_line(run.error)}"] if run.error else [])]


def require_good(run: Run) -> None:
    """Raises ShallowsightError for a run that failed."""
    if run.finished and not run.good:
        failed = [task.name for task in run.tasks if task.state == "FAILED"]
        where = f" in {', '.join(failed)}" if failed else ""
        raise ShallowsightError(
            f"run {run.id} ended as {run.state.lower()}{where}; the finished cells are in its store: submit the study "
            "again to make only the missing ones"
        )


def _news(run: Run, seen: dict[str, str]) -> list[str]:
    new = [f"{task.name}: {task.state.lower()}" for task in run.tasks if seen.get(task.id) != task.state]
    seen.update({task.id: task.state for task in run.tasks})
    return new


def _one_line(text: str) -> str:
    return " ".join(text.split())
