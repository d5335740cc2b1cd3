"""Submit, status and wait against a server."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_kfp import FakeKfp, Fault, Json

from shallowsight.cluster.kubeflow.access import access
from shallowsight.cluster.kubeflow.api import KfpApi
from shallowsight.cluster.kubeflow.faults import ServerUnavailable
from shallowsight.cluster.kubeflow.runs import Runs
from shallowsight.cluster.kubeflow.shipped import shipped
from shallowsight.cluster.submission import submission
from shallowsight.cluster.submission.submission import Submission, lines_of, require_good, wait_for
from shallowsight.errors import ConfigurationError, Interrupted, ShallowsightError


@pytest.fixture
def kfp() -> Iterator[FakeKfp]:
    with FakeKfp() as server:
        yield server


def connect(kfp: FakeKfp, namespace: str | None = None) -> KfpApi:
    return KfpApi(access(kfp.url, namespace, variables={}))


def task(name: str, state: str, **more: object) -> Json:
    return {"task_id": f"t-{name}-{len(more)}", "display_name": name, "state": state, **more}


def a_run(kfp: FakeKfp, state: str, *tasks: Json, **more: object) -> str:
    body = {"display_name": "demo", "state": state, "run_details": {"task_details": list(tasks)}, **more}
    return str(kfp.add("runs", body)["run_id"])


def test_a_study_is_sent(kfp: FakeKfp, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("base: quick\nset: {seeds: [4]}\n")
    sent = Submission("layer_study", str(tmp_path / "mine.yaml"), ["settings=6"], "s3://bucket/mine/", 8)
    run = kfp.things["runs"][sent.send(connect(kfp), "mine", "trainer")]
    assert run["runtime_config"]["parameters"] == {
        "priority": "shallowsight-interactive",
        "study": "quick",
        "overrides": ["name=mine", "seeds=[4]", "settings=6"],
        "store": "s3://bucket/mine",
        "gpus": "8",
        "step_gpus": "1",
    }
    assert run["service_account"] == "trainer"
    (version,) = kfp.things["versions"].values()
    assert run["pipeline_version_reference"]["pipeline_version_id"] == version["pipeline_version_id"]
    assert kfp.uploads == {version["pipeline_version_id"]: shipped("layer_study").text}
    assert kfp.things["experiments"][run["experiment_id"]]["display_name"] == "mine"


def test_the_same_text_is_uploaded_once(kfp: FakeKfp) -> None:
    sent = Submission("train_and_evaluate", "quick", [], "s3://bucket/x", 0)
    first, second = (sent.send(connect(kfp), "shallowsight", None) for _ in range(2))
    assert first != second
    assert [len(kfp.things[kind]) for kind in ("pipelines", "versions", "experiments", "runs")] == [1, 1, 1, 2]
    assert kfp.things["runs"][first]["display_name"] == kfp.things["runs"][second]["display_name"]


def test_the_number_of_settings_at_a_time_is_uploaded(kfp: FakeKfp) -> None:
    for parallelism in (None, 4, 4):
        sent = Submission("layer_study", "quick", [], "s3://b/x", 0, parallelism=parallelism)
        sent.send(connect(kfp), "shallowsight", None)
    assert len(kfp.things["pipelines"]) == 1
    limits = [
        line.split()[1] for text in kfp.uploads.values() for line in text.splitlines() if "parallelismLimit" in line
    ]
    assert limits == ["2", "4"]
    with pytest.raises(ConfigurationError, match="train_and_evaluate trains one setting"):
        Submission("train_and_evaluate", "quick", [], "s3://b/x", 0, parallelism=1)


def test_somebody_else_uploads_it_meanwhile(kfp: FakeKfp) -> None:
    def rule(method: str, path: str, number: int) -> Fault:
        if path.endswith("upload_version"):
            kfp.rule = lambda method, path, number: None
            (pipeline,) = kfp.things["pipelines"]
            kfp.add("versions", {"display_name": shipped("layer_study").version, "pipeline_id": pipeline})
        return None

    kfp.rule = rule
    assert Submission("layer_study", "quick", [], "s3://b/x", 0).send(connect(kfp), "shallowsight", None)
    assert len(kfp.things["versions"]) == 1


def test_names_that_only_begin_alike_are_others(kfp: FakeKfp) -> None:
    """Also where a server takes no notice of the filter."""
    kfp.add("experiments", {"display_name": "shallowsight-2"})
    kfp.add("pipelines", {"display_name": "shallowsight-layer-study-2"})
    kfp._list = lambda name, found, query: {name: found}  # type: ignore[method-assign]
    run = Submission("layer_study", "quick", [], "s3://b/x", 0).send(connect(kfp), "shallowsight", None)
    experiment = kfp.things["experiments"][kfp.things["runs"][run]["experiment_id"]]
    assert experiment["display_name"] == "shallowsight"
    assert len(kfp.things["pipelines"]) == 2


def test_the_namespace_goes_along(kfp: FakeKfp) -> None:
    Submission("layer_study", "quick", [], "s3://b/x", 0).send(connect(kfp, "team"), "shallowsight", None)
    assert {each["namespace"] for kind in ("pipelines", "experiments") for each in kfp.things[kind].values()} == {
        "team"
    }
    lists = [path for method, path in kfp.requests if method == "GET" and "/versions" not in path]
    assert lists
    assert all("namespace=team" in path for path in lists)


BAD = [
    pytest.param("layer_study", "demoo", "s3://b/x", "did you mean 'demo'", id="name"),
    pytest.param("layer_study", "demo", "file:///x", "--store 'file:///x': a cluster needs s3://", id="folder"),
    pytest.param("layer_study", "demo", "s3://k:hidden@b/x", "no user or password", id="key in the store"),
    pytest.param("nothing", "demo", "s3://b/x", "no pipeline 'nothing'", id="pipeline"),
]


@pytest.mark.parametrize(("pipeline", "name", "store", "says"), BAD)
def test_refused_before_a_server_is_asked(pipeline: str, name: str, store: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as refused:
        Submission(pipeline, name, [], store, 0)
    assert "hidden" not in str(refused.value)


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


def test_two_at_once_make_one_of_each(kfp: FakeKfp) -> None:
    with ThreadPoolExecutor(2) as pool:
        sent = [Submission("layer_study", "quick", [], f"s3://b/{number}", 0) for number in range(2)]
        runs = list(pool.map(lambda each: each.send(connect(kfp), "shallowsight", None), sent))
    assert len(set(runs)) == len(kfp.things["runs"]) == 2
    assert [len(kfp.things[kind]) for kind in ("pipelines", "versions", "experiments")] == [1, 1, 1]


@pytest.mark.parametrize("part", ["pipelines", "upload_version", "experiments", "runs"])
def test_an_answer_that_is_lost_is_looked_up(kfp: FakeKfp, part: str) -> None:
    kfp.rule = lambda method, path, number: "lost" if method == "POST" and path.endswith(part) else None
    run_id = Submission("layer_study", "quick", [], "s3://b/x", 0).send(connect(kfp), "shallowsight", None)
    assert [len(kfp.things[kind]) for kind in ("pipelines", "versions", "experiments", "runs")] == [1, 1, 1, 1]
    assert [*kfp.things["runs"]] == [run_id]


def test_an_earlier_run_is_not_taken_for_one_that_was_refused(kfp: FakeKfp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shallowsight.cluster.kubeflow.runs._PAUSE", 0.01)

    def send() -> str:
        return Submission("layer_study", "quick", [], "s3://b/x", 0).send(connect(kfp), "shallowsight", None)

    send()
    kfp.rule = lambda method, path, number: (503, "") if method == "POST" and path.endswith("runs") else None
    with pytest.raises(ServerUnavailable, match=r"starting the run .* look at the web page before you submit again"):
        send()
    assert len(kfp.things["runs"]) == 1


def test_a_run_that_begins_after_its_gateway_gave_up_is_found(kfp: FakeKfp, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = kfp.add

    def later(kind: str, body: dict[str, object]) -> dict[str, object]:
        if kind == "runs":
            threading.Timer(0.2, asked, (kind, body)).start()
            return {"run_id": "nobody hears of it"}
        return asked(kind, body)

    monkeypatch.setattr(kfp, "add", later)
    monkeypatch.setattr("shallowsight.cluster.kubeflow.runs._PAUSE", 0.3)
    kfp.rule = lambda method, path, number: "lost" if method == "POST" and path.endswith("runs") else None
    run_id = Submission("layer_study", "quick", [], "s3://b/x", 0).send(connect(kfp), "shallowsight", None)
    assert [*kfp.things["runs"]] == [run_id]


def test_what_cannot_be_made_is_told(kfp: FakeKfp) -> None:
    kfp.rule = lambda method, path, number: (400, '{"message": "bad"}') if path.endswith("upload_version") else None
    with pytest.raises(ConfigurationError, match=r"uploading shallowsight-layer-study sha256-.*refused \(400: bad\)"):
        Submission("layer_study", "quick", [], "s3://b/x", 0).send(connect(kfp), "shallowsight", None)
    assert kfp.things["runs"] == {}
