"""A study is sent to a server: its pipeline, its experiment and its run."""

from pathlib import Path

import pytest
from fake_kfp import FakeKfp, connect

from shallowsight.cluster.kubeflow.shipped import shipped
from shallowsight.cluster.submission.submission import Submission
from shallowsight.errors import ConfigurationError


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
