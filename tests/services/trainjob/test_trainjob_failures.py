"""A training that fails on the cluster: which error the user gets, and what it says."""

import json
import logging

import pytest
from fake_kubernetes import FakeKubernetes, status
from fake_trainer import JOB, FakeTrainer
from launches import Launcher

from shallowsight.errors import ConfigurationError, Interrupted, LossNotFinite, OutOfMemory, ShallowsightError


def failure(kind: str, message: str, **more: object) -> str:
    return json.dumps({"failure": kind, "message": message, **more})


def test_the_error_is_what_a_process_says(trainer: FakeTrainer, launcher: Launcher) -> None:
    line = failure("LossNotFinite", "loss is nan in update 7")
    trainer.will(trainer.pods("Running"), trainer.writes("working", line, "torchrun's report"))
    trainer.will(trainer.pods("Failed"), trainer.fail)
    with pytest.raises(LossNotFinite, match=r"^loss is nan in update 7$"):
        launcher.run()
    assert launcher.heard.lines == ["working", "torchrun's report"]


def test_too_little_memory_says_what_may_do(trainer: FakeTrainer, launcher: Launcher) -> None:
    line = failure("OutOfMemory", "too large", more_passes=4)
    trainer.will(trainer.pods("Running"), trainer.writes(line), trainer.fail)
    with pytest.raises(OutOfMemory) as error:
        launcher.run()
    assert error.value.more_passes == 4


@pytest.mark.parametrize(
    ("kind", "expected"), [("MissingPackage", ConfigurationError), ("Nonsense", ShallowsightError)]
)
def test_other_names_of_errors(
    trainer: FakeTrainer, launcher: Launcher, kind: str, expected: type[ShallowsightError]
) -> None:
    trainer.will(trainer.pods("Running"), trainer.writes(failure(kind, "words")), trainer.fail)
    with pytest.raises(ShallowsightError, match="words") as error:
        launcher.run()
    assert type(error.value) is expected


def test_what_another_node_says_is_heard(trainer: FakeTrainer, launcher: Launcher) -> None:
    """The first node was only told to stop."""
    trainer.will(
        trainer.pods("Running"),
        trainer.writes(failure("Interrupted", "stopped")),
        trainer.writes("deep in it", failure("LossNotFinite", "on node 1"), index=1),
        trainer.pods("Failed"),
        trainer.fail,
    )
    with pytest.raises(LossNotFinite, match="on node 1"):
        launcher.run()


def test_a_node_that_lost_its_peer_is_not_the_cause(trainer: FakeTrainer, launcher: Launcher) -> None:
    trainer.will(
        trainer.pods("Running"),
        trainer.writes(failure("ShallowsightError", "training with 8 processes ended: connection closed by peer")),
        trainer.writes(failure("OutOfMemory", "on node 1", more_passes=2), index=1),
        trainer.pods("Failed"),
        trainer.fail,
    )
    with pytest.raises(OutOfMemory, match="on node 1"):
        launcher.run()


def test_a_lost_peer_is_more_than_a_stop(trainer: FakeTrainer, launcher: Launcher) -> None:
    trainer.will(
        trainer.pods("Running"),
        trainer.writes(failure("Interrupted", "stopped")),
        trainer.writes(failure("ShallowsightError", "connection closed by peer"), index=1),
        trainer.pods("Failed"),
        trainer.fail,
    )
    with pytest.raises(ShallowsightError, match="closed by peer"):
        launcher.run()


def test_only_told_to_stop(trainer: FakeTrainer, launcher: Launcher) -> None:
    trainer.will(trainer.pods("Running"), trainer.writes(failure("Interrupted", "stopped")), trainer.fail)
    with pytest.raises(Interrupted, match="stopped"):
        launcher.run()


def test_where_nobody_says_why(trainer: FakeTrainer, launcher: Launcher) -> None:
    killed = {"name": "node", "state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}
    trainer.will(
        trainer.pods("Running"),
        trainer.writes(*(f"line {n}" for n in range(40)), '{"failure": broken'),
        trainer.pods("Failed", containerStatuses=[killed]),
        trainer.fail,
    )
    with pytest.raises(ShallowsightError) as error:
        launcher.run()
    text = str(error.value)
    assert text.startswith(f"TrainJob {JOB.name} failed: FailedJobs, jobset failed due to one or more job failures; ")
    assert f"pod {trainer.name(0)}: OOMKilled, exit status 137; pod {trainer.name(1)}: OOMKilled" in text
    assert "The same command continues from the last saved state" in text
    assert "line 25\n" not in text
    assert text.endswith('line 38\nline 39\n{"failure": broken')


def test_the_report_of_torchrun_is_left_out(trainer: FakeTrainer, launcher: Launcher) -> None:
    report = "E0102 10:11:12.131415 7 torch/distributed/elastic/multiprocessing/api.py:1] failed"
    trainer.will(trainer.pods("Running"), trainer.writes("ValueError: no", report, *["more of it"] * 20), trainer.fail)
    with pytest.raises(ShallowsightError, match=r"its last lines:\nValueError: no$"):
        launcher.run()


def test_without_any_pod_left(trainer: FakeTrainer, launcher: Launcher) -> None:
    trainer.will(trainer.nothing, trainer.fail)
    with pytest.raises(ShallowsightError, match="its log cannot be read"):
        launcher.run()


def test_an_eviction_is_no_failure(trainer: FakeTrainer, launcher: Launcher) -> None:
    evicted = {"reason": "Evicted", "message": "The node was low on resource: memory."}
    trainer.will(
        trainer.pods("Running"),
        trainer.writes("update 1", failure("Interrupted", "evicted")),
        trainer.pod(1, "Failed", **evicted),
        trainer.pods("Pending", restart=1),
        trainer.pods("Running", restart=1),
        trainer.writes("update 2", restart=1, ago=100),  # while we could not look
        trainer.complete,
    )
    heard = launcher.run()
    assert heard.states[1:] == [
        "running",
        f"starting: pod {trainer.name(1)} ended (Evicted, The node was low on resource: memory.); "
        "the cluster restarts it",
        "starting",
        "running: restart 1",
        "complete",
    ]
    assert heard.lines == ["update 1", "update 2"]


def test_what_was_got_over_is_not_the_cause(trainer: FakeTrainer, launcher: Launcher) -> None:
    trainer.will(
        trainer.pods("Running"),
        trainer.writes(failure("LossNotFinite", "the first time")),
        trainer.pods("Running", restart=1),
        trainer.writes("again", restart=1),
        trainer.fail,
    )
    with pytest.raises(ShallowsightError, match=r"again$"):
        launcher.run()


def test_preemption_by_kueue_is_no_failure(trainer: FakeTrainer, launcher: Launcher) -> None:
    trainer.will(trainer.pods("Running"), trainer.suspend, trainer.admit, trainer.pods("Running"), trainer.complete)
    assert launcher.run().states[1:] == [
        "running",
        "waiting in queue: a100",
        "starting: no pods yet",
        "running",
        "complete",
    ]


def test_logs_that_cannot_be_had_fail_nothing(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, caplog: pytest.LogCaptureFixture
) -> None:
    forbidden = status(403, "Forbidden", 'User "me" cannot get resource "pods/log" in API group ""')
    cluster.fault = lambda method, path: forbidden if path.endswith("/log") else None
    trainer.will(trainer.pods("Running"), *[trainer.nothing] * 3, trainer.complete)
    with caplog.at_level(logging.WARNING, logger="shallowsight"):
        assert launcher.run().states[-1] == "complete"
    assert caplog.text.count("me may not get pods/log there; apply manifests/base/access") == 1


def test_a_log_that_comes_back(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher) -> None:
    down = [False, True, True, False]

    def fault(method: str, path: str) -> tuple[int, object] | None:
        return (502, "bad gateway") if path.endswith("/log") and down and down.pop(0) else None

    cluster.fault = fault
    trainer.will(trainer.pods("Running"), trainer.writes("one"), trainer.writes("two"), trainer.writes("three"))
    trainer.will(trainer.nothing, trainer.complete)
    assert launcher.run().lines == ["one", "two", "three"]


def test_without_a_look_at_the_pods(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher) -> None:
    """The Trainer's own count tells that it runs."""
    cluster.fault = lambda method, path: status(403, "Forbidden", "no") if path.endswith(("/pods", "/events")) else None
    counted = [{"name": "node", "ready": 1, "active": 1, "failed": 0, "succeeded": 0, "suspended": 0}]
    trainer.will(trainer.nothing, lambda: trainer.trainjob.update(status={"jobsStatus": counted}), trainer.complete)
    assert launcher.run().states[1:] == ["starting: no pods yet", "running", "complete"]


def test_pods_that_cannot_be_had_for_a_moment_are_not_gone(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher
) -> None:
    looks: list[str] = []

    def fault(method: str, path: str) -> tuple[int, object] | None:
        looks.extend([path] if path.endswith("/pods") else [])
        return (503, "away") if path.endswith("/pods") and 2 <= len(looks) <= 3 else None

    cluster.fault = fault
    trainer.will(trainer.pods("Running"), *[trainer.nothing] * 4, trainer.complete)
    assert launcher.run().states[1:] == ["running", "complete"]
