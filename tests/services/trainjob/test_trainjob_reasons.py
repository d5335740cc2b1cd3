"""Why a TrainJob waits, in the words of whoever holds it back."""

from typing import Any

import pytest
from fake_kubernetes import FakeKubernetes, Object, status
from fake_trainer import JOB, FakeTrainer
from launches import Launcher


def event(message: str, name: str = JOB.name, kind: str = "Warning", **more: Any) -> Object:
    made = {"type": kind, "message": message, "involvedObject": {"name": name}, "metadata": {}}
    return made | {"lastTimestamp": "2026-01-01T00:00:20Z"} | more


@pytest.mark.parametrize(
    ("events", "why"),
    [
        pytest.param([], "no pods yet", id="nothing"),
        pytest.param([event("fine", kind="Normal")], "no pods yet", id="no warning"),
        pytest.param([event("no runtime"), event("of another", name="another")], "no runtime", id="Trainer"),
        pytest.param([event("violates PodSecurity", name=f"{JOB.name}-node-0")], "violates PodSecurity", id="Job"),
        pytest.param(
            [event("later", lastTimestamp=None, eventTime="2026-01-01T00:00:30.5Z"), event("sooner")],
            "later",
            id="last",
        ),
        pytest.param([event("before", lastTimestamp="2026-01-01T00:00:09Z")], "no pods yet", id="of an earlier one"),
        pytest.param(
            [event("old", lastTimestamp=None, metadata={"creationTimestamp": "2026-01-01T00:00:10Z"})], "old", id="new"
        ),
    ],
)
def test_why_there_are_no_pods(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, events: list[Object], why: str
) -> None:
    cluster.events = events
    trainer.will(trainer.nothing, trainer.pods("Running"), trainer.complete)
    assert launcher.run().states[1:] == [f"starting: {why}", "running", "complete"]


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        pytest.param([], "a100", id="nothing"),
        pytest.param(
            [{"type": "QuotaReserved", "status": "False", "message": "8 more nvidia.com/gpu needed"}],
            "a100: 8 more nvidia.com/gpu needed",
            id="quota",
        ),
        pytest.param([{"type": "QuotaReserved", "status": "True", "message": "got it"}], "a100", id="admitted"),
        pytest.param([{"type": "Evicted", "status": "True", "message": "preempted"}], "a100", id="another condition"),
    ],
)
def test_why_it_is_queued(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, conditions: list[Object], why: str
) -> None:
    def queue() -> None:
        trainer.suspend()
        label = {"kueue.x-k8s.io/job-uid": trainer.trainjob["metadata"]["uid"]}
        cluster.workloads = [{"metadata": {"labels": label}, "status": {"conditions": conditions}}]

    trainer.will(queue, trainer.admit, trainer.complete)
    assert launcher.run().states[1] == f"waiting in queue: {why}"


@pytest.mark.parametrize("answer", [(404, "404 page not found"), status(403, "Forbidden", "no")])
def test_a_queue_that_we_may_not_look_at(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, answer: Any
) -> None:
    cluster.fault = lambda method, path: answer if path.endswith("/workloads") else None
    trainer.will(trainer.suspend, trainer.admit, trainer.complete)
    assert launcher.run().states[1] == "waiting in queue: a100"
