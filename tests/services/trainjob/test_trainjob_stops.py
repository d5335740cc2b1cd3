"""A box that is told to stop takes its TrainJob along, with as few requests as can be: it has about a second."""

import os
import signal
import threading
from collections.abc import Callable

import pytest
from fake_kubernetes import NAMESPACE, TRAINJOBS, Answer, FakeKubernetes, status
from fake_trainer import JOB, FakeTrainer
from launches import Launcher

from shallowsight.cluster.kubernetes.launcher import Pace
from shallowsight.cluster.kubernetes.trainjob import body


@pytest.fixture
def stop(cluster: FakeKubernetes) -> Callable[[], None]:
    """A step in which SIGTERM comes; what was asked before it is forgotten."""

    def step() -> None:
        cluster.requests.clear()
        os.kill(os.getpid(), signal.SIGTERM)

    return step


def asked(cluster: FakeKubernetes) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _ in cluster.requests]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_deletes_the_trainjob(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, number: signal.Signals
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    trainer.will(trainer.pods("Running"), lambda: os.kill(os.getpid(), number))
    with pytest.raises(KeyboardInterrupt):
        launcher.run()
    assert "deletionTimestamp" in trainer.trainjob["metadata"]
    assert launcher.heard.said[-1].startswith(f"interrupted: TrainJob {JOB.name} is deleted; its pods save their state")
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_stop_leaves_another_ones_trainjob_alone(cluster: FakeKubernetes, launcher: Launcher) -> None:
    def fault(method: str, path: str) -> Answer | None:
        if method == "POST":
            os.kill(os.getpid(), signal.SIGTERM)
            return 503, "away"
        return None

    made = body(JOB) | {"metadata": {"name": JOB.name, "uid": "x"}}
    cluster.trainjobs[JOB.name] = made
    cluster.fault = fault
    with pytest.raises(KeyboardInterrupt):
        launcher.run()
    assert cluster.count("DELETE") == 0
    assert launcher.heard.said == ["interrupted before the TrainJob was created"]


def test_a_stop_that_cannot_delete(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher) -> None:
    cluster.fault = lambda method, path: status(403, "Forbidden", "no") if method == "DELETE" else None
    trainer.will(trainer.pods("Running"), lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt):
        launcher.run()
    assert (
        f"The training goes on; end it with: kubectl delete trainjob -n {NAMESPACE} {JOB.name}"
        in launcher.heard.said[-1]
    )


def test_one_request_is_enough(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, stop: Callable[[], None]
) -> None:
    trainer.will(trainer.pods("Running"), trainer.nothing, stop)
    with pytest.raises(KeyboardInterrupt):
        launcher.run()
    assert asked(cluster) == [("DELETE", f"{TRAINJOBS}/{JOB.name}")]
    assert "deletionTimestamp" in trainer.trainjob["metadata"]


def test_one_request_is_enough_for_one_that_was_joined(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, stop: Callable[[], None]
) -> None:
    made = body(JOB)
    cluster.trainjobs[JOB.name] = made | {"metadata": made["metadata"] | {"uid": "older"}}
    trainer.will(trainer.nothing, stop)  # the first look is that of joining
    with pytest.raises(KeyboardInterrupt):
        launcher.run()
    assert asked(cluster) == [("DELETE", f"{TRAINJOBS}/{JOB.name}")]
    assert "deletionTimestamp" in trainer.trainjob["metadata"]


@pytest.mark.slow
def test_its_connection_is_there_already(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, stop: Callable[[], None]
) -> None:
    """The stop comes between two looks, where a box spends its time."""
    trainer.will(trainer.pods("Running"), lambda: threading.Timer(0.3, stop).start())
    with pytest.raises(KeyboardInterrupt):
        launcher.run(pace=Pace(poll_seconds=1.5))
    assert asked(cluster) == [("DELETE", f"{TRAINJOBS}/{JOB.name}")]
    assert cluster.connections == 1


@pytest.mark.parametrize("created", [True, False])
def test_a_stop_before_its_creation_is_answered(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, stop: Callable[[], None], created: bool
) -> None:
    """It may have been made all the same."""

    def fault(method: str, path: str) -> Answer | None:
        if method != "POST":
            return None
        stop()
        if created:
            cluster._create(body(JOB), strict=True)
        return 0, None

    cluster.fault = fault
    with pytest.raises(KeyboardInterrupt):
        launcher.run()
    if created:
        assert [method for method, _ in asked(cluster)] == ["GET", "DELETE"]
        assert "deletionTimestamp" in trainer.trainjob["metadata"]
    else:
        assert [method for method, _ in asked(cluster)] == ["GET"]
        assert launcher.heard.said == ["interrupted before the TrainJob was created"]


@pytest.mark.parametrize("now", ["gone", "another one"])
def test_a_stop_that_finds_it_gone(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, stop: Callable[[], None], now: str
) -> None:
    def replaced() -> None:
        trainer.trainjob["metadata"]["uid"] = "another"

    trainer.will(trainer.pods("Running"), lambda: (trainer.vanish if now == "gone" else replaced)() or stop())
    with pytest.raises(KeyboardInterrupt):
        launcher.run()
    assert [method for method, _ in asked(cluster)] == ["DELETE"]
    assert (
        launcher.heard.said[-1] == f"interrupted: TrainJob {JOB.name} was already deleted; the same command continues"
    )
    if now == "another one":
        assert "deletionTimestamp" not in trainer.trainjob["metadata"]
