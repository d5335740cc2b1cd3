"""Single requests: what their answers mean."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from fake_kubernetes import TRAINJOBS, FakeKubernetes, status
from fake_trainer import JOB, FakeTrainer
from launches import Launcher

from shallowsight.cluster.kubernetes.api import Cluster
from shallowsight.cluster.kubernetes.connection import connect
from shallowsight.cluster.kubernetes.trainjob import body
from shallowsight.errors import ConfigurationError


@pytest.fixture
def api(launcher: Launcher) -> Cluster:
    return connect(patience=0.1, timeout=10)


def test_create_and_find(api: Cluster) -> None:
    assert api.find(JOB.name) is None
    assert api.create(body(JOB))
    assert not api.create(body(JOB))
    found = api.find(JOB.name)
    assert found and found["spec"] == body(JOB)["spec"]


def test_deleting_what_is_gone(api: Cluster) -> None:
    api.delete(JOB.name, "uid")


def test_deleting_the_one_before(cluster: FakeKubernetes, api: Cluster) -> None:
    """Another one has its name by now, and stays."""
    api.create(body(JOB))
    api.delete(JOB.name, "uid of the one before")
    assert "deletionTimestamp" not in cluster.trainjobs[JOB.name]["metadata"]


def test_the_end_of_a_log(cluster: FakeKubernetes, trainer: FakeTrainer, api: Cluster) -> None:
    trainer.pod(0, "Running")()
    trainer.writes("one", "two", "three")()
    text = api.log(trainer.name(0), lines=2)
    assert text and [line.split(" ")[1] for line in text.splitlines()] == ["two", "three"]


def test_a_log_that_is_no_text(cluster: FakeKubernetes, trainer: FakeTrainer, api: Cluster) -> None:
    cluster.fault = lambda method, path: (200, "time caf\udce9\n".encode("utf-8", "surrogateescape"))
    assert api.log("pod") == "time caf\ufffd\n"


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda api: api.pods(JOB.name), id="pods"),
        pytest.param(lambda api: api.events(JOB.name), id="events"),
        pytest.param(lambda api: api.workloads("uid"), id="workloads"),
        pytest.param(lambda api: api.log("pod"), id="logs"),
    ],
)
@pytest.mark.parametrize("answer", [(503, "away"), status(403, "Forbidden", "no"), (0, None)])
def test_what_we_can_do_without(
    cluster: FakeKubernetes,
    api: Cluster,
    caplog: pytest.LogCaptureFixture,
    ask: Callable[[Cluster], Any],
    answer: Any,
) -> None:
    cluster.fault = lambda method, path: answer
    with caplog.at_level(logging.WARNING, logger="shallowsight"):
        assert ask(api) is None
        assert ask(api) is None
    assert caplog.text.count("going on without") == 1
    assert len(cluster.requests) == 2


@pytest.mark.parametrize("page", ["<html>log in first</html>", "[]"])
def test_what_is_no_kubernetes(cluster: FakeKubernetes, api: Cluster, page: str) -> None:
    cluster.fault = lambda method, path: (200, page)
    with pytest.raises(ConfigurationError, match="the answer is not a Kubernetes object"):
        api.find(JOB.name)


@pytest.mark.parametrize("page", ["<html>log in first</html>", "[]", "{}"])
def test_what_is_no_list(cluster: FakeKubernetes, api: Cluster, page: str) -> None:
    cluster.fault = lambda method, path: (200, page)
    assert api.pods(JOB.name) is None


def test_where_requests_go(cluster: FakeKubernetes, api: Cluster) -> None:
    api.create(body(JOB))
    assert cluster.requests == [("POST", TRAINJOBS, {"fieldValidation": ["Strict"]})]
