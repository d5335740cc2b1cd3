"""The launcher on good days: created, queued, running, complete; joined and replaced; its log without repetition."""

from dataclasses import replace

import pytest
from fake_kubernetes import NAMESPACE, FakeKubernetes
from fake_trainer import JOB, FakeTrainer
from launches import Launcher

from shallowsight.cluster.kubernetes.connection import connect
from shallowsight.cluster.kubernetes.launcher import forget
from shallowsight.cluster.kubernetes.trainjob import body
from shallowsight.errors import ConfigurationError


def existing(cluster: FakeKubernetes, **changes: object) -> None:
    made = body(replace(JOB, **changes))  # type: ignore[arg-type]
    uid = "older" if JOB.name not in cluster.trainjobs else "newer"
    cluster.trainjobs[JOB.name] = made | {"metadata": made["metadata"] | {"uid": uid}}


def test_from_creation_to_completion(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, caplog: pytest.LogCaptureFixture
) -> None:
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    trainer.will(
        trainer.nothing,
        trainer.suspend,
        trainer.suspend,
        trainer.admit,
        trainer.pods("Pending", conditions=[scheduled | {"message": "0/3 nodes: 3 Insufficient nvidia.com/gpu."}]),
        trainer.pods("Pending"),
        trainer.pods("Running"),
        trainer.writes("first", "second"),
        trainer.nothing,
        trainer.writes("third"),
        trainer.complete,
    )
    heard = launcher.run()
    first = trainer.name(0)
    assert heard.states == [
        f"created in namespace {NAMESPACE}",
        "starting: no pods yet",
        "waiting in queue: a100",
        "starting: no pods yet",
        f"starting: pod {first}: Unschedulable, 0/3 nodes: 3 Insufficient nvidia.com/gpu.",
        "starting",
        "running",
        "complete",
    ]
    assert heard.lines == ["first", "second", "third"]
    assert caplog.text == ""
    assert cluster.trainjobs[JOB.name]["spec"]["trainer"]["command"] == list(JOB.command)
    assert cluster.count("POST") == 1
    assert cluster.count("DELETE") == 0


def test_no_line_is_read_twice(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher) -> None:
    lines = [f"line {n}" for n in range(30)]
    trainer.will(trainer.pods("Running"), trainer.writes("long ago", ago=3600))
    trainer.will(*(trainer.writes(line) for line in lines))
    trainer.will(trainer.complete)
    assert launcher.run().lines == ["long ago", *lines]
    asked = [query for method, path, query in cluster.requests if path.endswith("/log")]
    assert "sinceSeconds" not in asked[0]
    assert all(5 < int(query["sinceSeconds"][0]) < 15 for query in asked[2:])


def test_a_line_that_is_being_written(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher) -> None:
    """It counts when it ends, or when nobody can write on."""

    log = cluster.logs.setdefault(trainer.name(0), [])

    def end_with(text: str) -> None:
        written, line = log.pop()
        log.append((written, line.rstrip("\n") + text))

    trainer.will(trainer.pods("Running"), lambda: (trainer.writes("whole", "ha")(), end_with("")), trainer.nothing)
    trainer.will(lambda: end_with("lf\n"), lambda: (trainer.writes("last")(), end_with("")), trainer.complete)
    assert launcher.run().lines == ["whole", "half", "last"]


def test_a_running_one_is_joined(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher) -> None:
    existing(cluster)
    trainer.will(trainer.pods("Running"), trainer.writes("before we came"), trainer.complete)
    heard = launcher.run()
    assert heard.said[0] == f"TrainJob {JOB.name} is there already; following it"
    assert heard.lines == ["before we came"]
    assert cluster.count("DELETE") == 0


def test_a_complete_one_is_a_success(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher) -> None:
    existing(cluster)
    trainer.complete()
    assert launcher.run().states[-1] == "complete"
    assert cluster.count("DELETE") == 0


def test_another_one_of_that_name_is_left_alone(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher
) -> None:
    existing(cluster, nodes=4)
    with pytest.raises(ConfigurationError, match=rf"with other nodes.* kubectl delete trainjob -n vision {JOB.name}"):
        launcher.run()
    assert cluster.count("DELETE") == 0


@pytest.mark.parametrize("looks", [0, 3])
def test_a_failed_one_is_replaced(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, looks: int
) -> None:
    existing(cluster)
    trainer.fail()
    cluster.looks_until_gone = looks
    trainer.will(*[trainer.nothing] * (looks + 3), trainer.pods("Running"), trainer.complete)
    assert "is replaced: the earlier TrainJob of this name has ended (failed: FailedJobs" in launcher.run().said[0]
    assert cluster.trainjobs[JOB.name]["metadata"]["uid"] != "older"


def test_a_complete_one_of_another_kind_is_replaced(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher
) -> None:
    existing(cluster, nodes=4)
    trainer.complete()
    trainer.will(*[trainer.nothing] * 3, trainer.complete)
    launcher.run()
    assert cluster.trainjobs[JOB.name]["spec"]["trainer"]["numNodes"] == 2


def test_one_that_is_being_deleted_is_waited_for(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher
) -> None:
    existing(cluster)
    cluster.trainjobs[JOB.name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster.looks_until_gone = 4
    trainer.will(*[trainer.nothing] * 6, trainer.complete)
    assert launcher.run().said[0] == f"TrainJob {JOB.name} is being deleted; waiting for its end"
    assert cluster.trainjobs[JOB.name]["metadata"]["uid"] != "older"


def test_somebody_else_replaces_it_while_we_wait(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher
) -> None:
    existing(cluster)
    cluster.trainjobs[JOB.name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster.looks_until_gone = 10_000
    trainer.will(trainer.nothing, trainer.nothing, lambda: existing(cluster), trainer.pods("Running"), trainer.complete)
    heard = launcher.run()
    assert heard.states[:2] == ["being deleted; waiting for its end", "there already; following it"]


def test_forgetting(cluster: FakeKubernetes, launcher: Launcher) -> None:
    existing(cluster)
    forget(connect(), JOB)
    assert "deletionTimestamp" in cluster.trainjobs[JOB.name]["metadata"]
    cluster.trainjobs.clear()
    forget(connect(), JOB)


def test_the_namespace_must_be_that_of_the_cluster(launcher: Launcher) -> None:
    with pytest.raises(ConfigurationError, match="is for namespace elsewhere, not vision"):
        launcher.run(replace(JOB, namespace="elsewhere"))
