"""The compiled pipelines as a server gets them."""

import hashlib
from dataclasses import replace

import pytest

from shallowsight.cluster.kubeflow.shipped import Order, Shipped, names, shipped
from shallowsight.errors import ConfigurationError

STUDY = Shipped("a", "text", "shallowsight-a", {"study": True, "overrides": True, "store": True, "gpus": True}, None)


@pytest.mark.parametrize("name", names())
def test_each_takes_what_is_sent(name: str) -> None:
    found = shipped(name)
    kind = "study" if "study" in found.inputs else "experiment"
    given = found.arguments(Order(kind=kind, name="demo", words=["seeds=1"], store="s3://b/p", gpus=8))
    assert set(given) <= set(found.inputs)
    assert given[kind] == "demo"
    assert given["gpus"] == "8"  # a number would be lost on its way to the pod
    assert found.display_name.startswith("shallowsight-")


def test_the_version_is_the_text() -> None:
    found = shipped("layer_study")
    assert found.version == f"sha256-{hashlib.sha256(found.text.encode()).hexdigest()[:16]}"


ORDER = Order(kind="study", name="demo", words=["a=1"], settings=["3", "6,8"], store="s3://b", gpus=0)


def test_settings_travel_as_a_parameter_or_as_an_override() -> None:
    assert STUDY.arguments(ORDER)["overrides"] == ["a=1", "settings=3 6,8"]
    given = Shipped("a", "", "a", {**STUDY.inputs, "settings": True}, None).arguments(ORDER)
    assert (given["settings"], given["overrides"]) == (["3", "6,8"], ["a=1"])


@pytest.mark.parametrize(("gpus", "step_gpus", "sent"), [(0, None, "0"), (8, None, "1"), (8, 0, "0"), (0, 2, "2")])
def test_gpus_of_the_other_boxes(gpus: int, step_gpus: int | None, sent: str) -> None:
    order = replace(ORDER, gpus=gpus, step_gpus=step_gpus)
    assert Shipped("a", "", "a", {**STUDY.inputs, "step_gpus": True}, None).arguments(order)["step_gpus"] == sent
    assert "step_gpus" not in STUDY.arguments(order)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"pipeline a cannot run this experiment.*experiment does not fit"):
        STUDY.arguments(replace(ORDER, kind="experiment"))
    needy = Shipped("a", "", "a", {**STUDY.inputs, "nodes": False}, None)
    with pytest.raises(ConfigurationError, match="nodes does not fit"):
        needy.arguments(ORDER)


@pytest.mark.parametrize("name", ["layer_study", "retrain"])
def test_parallelism_is_one_number_of_the_text(name: str) -> None:
    plain, more = shipped(name), shipped(name, 7)
    lines = zip(plain.text.splitlines(), more.text.splitlines(), strict=True)
    assert [(old.split(), new.split()) for old, new in lines if old != new] == [
        (["parallelismLimit:", "2"], ["parallelismLimit:", "7"])
    ]
    assert plain.text.count("parallelismLimit") == 1
    assert (plain.parallelism, more.parallelism) == (2, 7)
    assert plain.version != more.version
    assert replace(more, text=plain.text, parallelism=2) == plain == shipped(name, 2)


def test_one_setting_takes_no_parallelism() -> None:
    assert shipped("train_and_evaluate").parallelism is None
    assert set(names()) == {"layer_study", "retrain", "train_and_evaluate"}
    with pytest.raises(ConfigurationError, match=r"train_and_evaluate trains one setting.*no parallelism \(found 1\)"):
        shipped("train_and_evaluate", 1)


def test_unknown_name() -> None:
    with pytest.raises(ConfigurationError, match="no pipeline 'x'; choose from layer_study"):
        shipped("x")


@pytest.mark.parametrize("name", names())
def test_nothing_is_taken_from_kubeflows_cache(name: str) -> None:
    """Its key holds no code and no data: a retraining would give back what the last one made."""
    import yaml

    spec = next(yaml.safe_load_all(shipped(name).text))
    dags = [spec["root"], *spec["components"].values()]
    tasks = [task for each in dags for task in each.get("dag", {}).get("tasks", {}).values()]
    boxes = [task for task in tasks if "executorLabel" in spec["components"].get(task["componentRef"]["name"], {})]
    assert len(boxes) >= 8
    assert [task["taskInfo"]["name"] for task in boxes if task.get("cachingOptions", {}).get("enableCache")] == []
