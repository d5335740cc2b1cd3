"""What pods and conditions mean."""

from typing import Any

import pytest

from shallowsight.cluster.kubernetes.pods import Pod, nodes_of
from shallowsight.cluster.kubernetes.states import Phase, State, state_of

RUNNING = {"phase": "Running"}


def pod(index: int = 0, restart: int = 0, name: str = "", leaving: bool = False, **status: Any) -> dict[str, Any]:
    labels = {"batch.kubernetes.io/job-completion-index": str(index)}
    labels |= {"jobset.sigs.k8s.io/restart-attempt": str(restart)}
    metadata = {"name": name or f"p{index}", "labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z"}
    metadata |= {"deletionTimestamp": "2026-01-01T00:00:01Z"} if leaving else {}
    return {"metadata": metadata, "status": status}


def container(**state: Any) -> dict[str, Any]:
    return {"phase": "Pending", "containerStatuses": [{"name": "node", "state": state}]}


def trainjob(nodes: int = 1, suspend: bool = False, queue: str = "", **conditions: str) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"kueue.x-k8s.io/queue-name": queue} if queue else {}},
        "spec": {"suspend": suspend, "trainer": {"numNodes": nodes}},
        "status": {
            "conditions": [
                {"type": kind, "status": status, "reason": "Reason", "message": "message"}
                for kind, status in conditions.items()
            ]
        },
    }


@pytest.mark.parametrize(
    ("status", "why"),
    [
        pytest.param({"phase": "Pending"}, "", id="nothing"),
        pytest.param(container(waiting={"reason": "ContainerCreating"}), "", id="all is well"),
        pytest.param(
            container(waiting={"reason": "ImagePullBackOff", "message": "no such image"}),
            "ImagePullBackOff, no such image",
            id="image",
        ),
        pytest.param(
            container(waiting={"reason": "CreateContainerConfigError", "message": 'secret "store" not found'}),
            'CreateContainerConfigError, secret "store" not found',
            id="secret",
        ),
        pytest.param(
            {"initContainerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}], "containerStatuses": None},
            "ErrImagePull",
            id="init container",
        ),
        pytest.param(container(terminated={"reason": "Completed", "exitCode": 0}), "", id="done"),
        pytest.param(container(terminated={"exitCode": 4}), "Error, exit status 4", id="status"),
        pytest.param(
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes: 1 Insufficient cpu"}]},
            "0/1 nodes: 1 Insufficient cpu",
            id="not scheduled",
        ),
        pytest.param({"conditions": [{"type": "PodScheduled", "status": "True"}]}, "", id="scheduled"),
        pytest.param(
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]}
            | {"containerStatuses": [{"state": {"terminated": {"exitCode": 143}}}]},
            "PreemptionByScheduler",
            id="preempted",
        ),
        pytest.param({"reason": "Evicted", "message": "low on memory"}, "Evicted, low on memory", id="evicted"),
    ],
)
def test_why_a_pod_is_no_further(status: dict[str, Any], why: str) -> None:
    (found,) = nodes_of([pod(**status)])
    assert found.why == why


def test_the_newest_pod_of_each_node() -> None:
    pods = [
        pod(1, name="b-new", restart=1),
        pod(10, name="z"),
        pod(1, name="b-old"),
        pod(0, name="a-leaving", leaving=True),
        pod(0, name="a"),
    ]
    assert [each.name for each in nodes_of(pods)] == ["a", "b-new", "z"]
    assert [each.name for each in nodes_of(pods[::-1])] == ["a", "b-new", "z"]


def nodes(*pods: dict[str, Any]) -> list[Pod]:
    return nodes_of(pods)


@pytest.mark.parametrize(
    ("found", "pods", "state"),
    [
        pytest.param(trainjob(), [], State(Phase.STARTING, "no pods yet"), id="new"),
        pytest.param(trainjob(queue="q", suspend=True), [], State(Phase.QUEUED, "q"), id="queue"),
        pytest.param(trainjob(queue="q", Suspended="True"), [], State(Phase.QUEUED, "q"), id="condition"),
        pytest.param(
            trainjob(suspend=True),
            [],
            State(Phase.QUEUED, "suspended, but in no queue: resume it with kubectl"),
            id="by hand",
        ),
        pytest.param(trainjob(Suspended="False"), [pod(**RUNNING)], State(Phase.RUNNING), id="resumed"),
        pytest.param(trainjob(), [pod(restart=2, **RUNNING)], State(Phase.RUNNING, "restart 2"), id="restarted"),
        pytest.param(trainjob(2), [pod(**RUNNING)], State(Phase.STARTING), id="one of two"),
        pytest.param(
            trainjob(2),
            [pod(0, **RUNNING), pod(1, **container(waiting={"reason": "ErrImagePull"}))],
            State(Phase.STARTING, "pod p1: ErrImagePull"),
            id="one waits",
        ),
        pytest.param(trainjob(2), [pod(0, phase="Succeeded"), pod(1, **RUNNING)], State(Phase.RUNNING), id="one done"),
        pytest.param(
            trainjob(),
            [pod(leaving=True, **RUNNING)],
            State(Phase.STARTING, "pod p0 ended (Running); the cluster restarts it"),
            id="leaving",
        ),
        pytest.param(trainjob(Complete="True"), [pod(phase="Pending")], State(Phase.COMPLETE), id="complete"),
        pytest.param(trainjob(Complete="False"), [pod(**RUNNING)], State(Phase.RUNNING), id="not complete"),
        pytest.param(
            trainjob(Failed="True", Suspended="True"), [], State(Phase.FAILED, "Reason, message"), id="failed"
        ),
    ],
)
def test_where_a_trainjob_stands(found: dict[str, Any], pods: list[dict[str, Any]], state: State) -> None:
    assert state_of(found, nodes(*pods)) == state


def test_without_a_status() -> None:
    found = {"metadata": {}, "spec": {"trainer": {"numNodes": 1}}}
    assert state_of(found, []) == State(Phase.STARTING, "no pods yet")
