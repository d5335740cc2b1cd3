"""What is said of a run on the server, and how its end is waited for."""

from itertools import count
from types import SimpleNamespace

import pytest
from fake_kfp import FakeKfp, Fault, Json, connect

from shallowsight.cluster.kubeflow.faults import ServerUnavailable
from shallowsight.cluster.kubeflow.runs import Runs
from shallowsight.cluster.submission import submission
from shallowsight.cluster.submission.submission import lines_of, require_good, wait_for
from shallowsight.errors import Interrupted, ShallowsightError


def task(name: str, state: str, **more: object) -> Json:
    return {"task_id": f"t-{name}-{len(more)}", "display_name": name, "state": state, **more}


def a_run(kfp: FakeKfp, state: str, *tasks: Json, **more: object) -> str:
    body = {"display_name": "demo", "state": state, "run_details": {"task_details": list(tasks)}, **more}
    return str(kfp.add("runs", body)["run_id"])


def test_status_in_the_order_begun(kfp: FakeKfp) -> None:
    run_id = a_run(
        kfp,
        "FAILED",
        task("report", "PENDING"),
        task("train-stage", "FAILED", start_time="2026-11-22T02:00:00Z", error={"code": 2, "message": "loss\nis nan"}),
        task("prepare-data", "SUCCEEDED", start_time="2026-11-22T01:00:00Z"),
        error={"code": 9},
    )
    run = Runs(connect(kfp)).run(run_id)
    assert lines_of(run) == [
        "demo: failed",
        "  prepare-data  succeeded",
        "  train-stage   failed",
        "  report        pending",
        "failed: train-stage: loss is nan",
        "failed: the run: code 9",
    ]
    with pytest.raises(ShallowsightError, match=f"run {run_id} ended as failed in train-stage; the finished cells"):
        require_good(run)


@pytest.mark.parametrize(("state", "good"), [("SUCCEEDED", 1), ("SKIPPED", 1), ("RUNNING", 1), ("CANCELED", 0)])
def test_what_counts_as_failed(kfp: FakeKfp, state: str, good: bool) -> None:
    run = Runs(connect(kfp)).run(str(kfp.add("runs", {"display_name": "x", "state": state})["run_id"]))
    assert run.tasks == ()
    if good:
        require_good(run)
    else:
        with pytest.raises(ShallowsightError, match="ended as canceled;"):
            require_good(run)


def test_waiting_says_each_change_once_and_outlives_an_outage(kfp: FakeKfp) -> None:
    api = connect(kfp)
    run_id = a_run(kfp, "RUNNING", task("a", "RUNNING"))
    looks = 0

    def rule(method: str, path: str, number: int) -> Fault:
        nonlocal looks
        looks += 1
        if looks in {2, 3}:
            return 503, "{}"
        if looks == 5:
            kfp.things["runs"][run_id] |= {
                "state": "SUCCEEDED",
                "run_details": {"task_details": [task("a", "SUCCEEDED"), task("a", "RUNNING", pod_name="second")]},
            }
        return None

    kfp.rule = rule
    said: list[str] = []
    assert wait_for(api, run_id, said.append, pause=0.01, patience=5).good
    assert said == ["a: running", "a: succeeded", "a: running"]


def test_waiting_bears_each_outage_but_no_long_one(kfp: FakeKfp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes pass in no time; the server is away at every other look, and in the end for good."""
    clock = iter(range(10**6))
    monkeypatch.setattr(submission, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda _: None))
    api = connect(kfp)
    run_id = a_run(kfp, "RUNNING")
    looks = count()
    kfp.rule = lambda method, path, number: (503, "{}") if (look := next(looks)) % 2 or look > 60 else None
    with pytest.raises(ServerUnavailable, match=f"run {run_id} goes on: shallowsight status {run_id}"):
        wait_for(api, run_id, lambda _: None, patience=10)
    assert 60 < next(looks) < 80


def test_ctrl_c_leaves_the_run(kfp: FakeKfp) -> None:
    run_id = a_run(kfp, "RUNNING", task("a", "RUNNING"))

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=f"the run goes on: shallowsight status {run_id}"):
        wait_for(connect(kfp), run_id, stop, pause=0.01)
