"""Two that submit at once, and answers of the server that are lost, late or a refusal."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_kfp import FakeKfp, Fault, connect

from shallowsight.cluster.kubeflow.faults import ServerUnavailable
from shallowsight.cluster.kubeflow.shipped import shipped
from shallowsight.cluster.submission.submission import Submission
from shallowsight.errors import ConfigurationError


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
