"""Bad days of a cluster and of its API server: what passes is waited for, and what does not is said."""

import logging
import threading
import time
from pathlib import Path

import pytest
from fake_kubernetes import NAMESPACE, TRAINJOBS, Answer, FakeKubernetes, status
from fake_trainer import JOB, FakeTrainer
from launches import PACE, Launcher

from shallowsight.cluster.kubernetes.launcher import Pace
from shallowsight.cluster.kubernetes.trainjob import body
from shallowsight.cluster.kubernetes.watch import Limits
from shallowsight.errors import ClusterUnavailable, ConfigurationError, ShallowsightError

RBAC = (
    'trainjobs.trainer.kubeflow.org is forbidden: User "system:serviceaccount:vision:pipeline" cannot create resource '
    '"trainjobs" in API group "trainer.kubeflow.org" in the namespace "vision"'
)
WEBHOOK = (
    'admission webhook "validator.trainjob.trainer.kubeflow.org" denied the request: spec.RuntimeRef: Invalid value: '
    '"shallowsight-torch": specified clusterTrainingRuntime must be created before the TrainJob is created'
)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(
            status(403, "Forbidden", RBAC, "trainjobs"),
            "system:serviceaccount:vision:pipeline may not create trainjobs there; apply manifests/base/access",
            id="RBAC",
        ),
        pytest.param(
            status(403, "Forbidden", WEBHOOK), "apply manifests/base/training .*must be created", id="runtime"
        ),
        pytest.param(
            status(401, "Unauthorized", "Unauthorized"), "does not accept the credentials; log in again", id="401"
        ),
        pytest.param((404, "404 page not found"), "no TrainJobs: install Kubeflow Trainer v2", id="CRD"),
        pytest.param(
            status(404, "NotFound", 'namespaces "vision" not found', "namespaces"), "no such namespace", id="namespace"
        ),
        pytest.param(
            status(422, "Invalid", "spec.trainer: field is immutable", "TrainJob"),
            "refused with status 422 .*field is immutable",
            id="422",
        ),
        pytest.param(
            status(403, "Forbidden", "exceeded quota: count/trainjobs", "trainjobs"), "exceeded quota", id="quota"
        ),
    ],
)
def test_refusals(cluster: FakeKubernetes, launcher: Launcher, answer: Answer, words: str) -> None:
    cluster.fault = lambda method, path: answer
    with pytest.raises(ConfigurationError, match=words) as error:
        launcher.run()
    assert f"create TrainJob {JOB.name} in namespace vision" in str(error.value)
    assert cluster.url in str(error.value)
    assert len(cluster.requests) == 1


def test_a_wrong_token(cluster: FakeKubernetes, launcher: Launcher, tmp_path: Path) -> None:
    cluster.kubeconfig(tmp_path / "kubeconfig", token="wrong")
    with pytest.raises(ConfigurationError, match="does not accept the credentials"):
        launcher.run()


def test_a_field_that_this_trainer_does_not_know(
    cluster: FakeKubernetes, launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cluster.has_no_schemas:
        pytest.skip("no CRDs to check against")
    odd = body(JOB)
    odd["spec"]["trainer"]["gpus"] = 1
    monkeypatch.setattr("shallowsight.cluster.kubernetes.submission.body", lambda job: odd)
    with pytest.raises(ConfigurationError, match=r"strict decoding error: unknown field.*gpus"):
        launcher.run()


@pytest.mark.parametrize("answer", [(503, "away"), (500, "webhook is away"), (429, "slow down"), (0, None)])
def test_every_request_outlives_faults(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, answer: Answer
) -> None:
    asked: dict[str, int] = {}

    def fault(method: str, path: str) -> Answer | None:
        """The first two of each kind."""
        asked[method + path] = asked.get(method + path, 0) + 1
        return answer if asked[method + path] <= 2 else None

    cluster.fault = fault
    trainer.will(*[trainer.nothing] * 5, trainer.pods("Running"), trainer.writes("a line"), *[trainer.nothing] * 5)
    trainer.will(trainer.complete)
    heard = launcher.run()
    assert heard.states[-1] == "complete"
    assert heard.lines == ["a line"]
    assert min(asked.values()) > 2


def test_created_but_the_answer_was_lost(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher) -> None:
    def fault(method: str, path: str) -> Answer | None:
        if method == "POST" and not cluster.trainjobs:
            cluster._create(body(JOB), strict=True)
            return 0, None
        return None

    cluster.fault = fault
    trainer.will(trainer.nothing, trainer.pods("Running"), trainer.complete)
    assert launcher.run().states[-1] == "complete"


@pytest.mark.slow
def test_the_api_server_is_away_for_a_while(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, caplog: pytest.LogCaptureFixture
) -> None:
    def leave() -> None:
        threading.Thread(target=lambda: (cluster.close(), time.sleep(0.5), cluster.open())).start()

    trainer.will(trainer.pods("Running"), trainer.writes("before"), leave, trainer.nothing, trainer.nothing)
    trainer.will(trainer.nothing, trainer.writes("after"), trainer.complete)
    pace = Pace(poll_seconds=0.1)
    with caplog.at_level(logging.WARNING, logger="shallowsight"):
        heard = launcher.run(pace=pace)
    assert heard.lines == ["before", "after"]
    assert "trying again" in caplog.text


def test_the_api_server_is_away_for_long(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher) -> None:
    trainer.will(trainer.pods("Running"), lambda: threading.Thread(target=cluster.close).start())
    with pytest.raises(
        ClusterUnavailable, match=r"is not available: get TrainJob .* a training that runs there goes on"
    ):
        launcher.run(patience=0.3, pace=Pace(poll_seconds=0.1))
    cluster.open()
    trainer.will(trainer.nothing, trainer.complete)
    launcher.heard.said.clear()
    assert launcher.run().states[0] == "there already; following it"


@pytest.mark.parametrize("how", ["vanished", "being deleted", "another one"])
def test_deleted_under_us(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher, how: str) -> None:
    def another() -> None:
        trainer.trainjob["metadata"].update(uid="another", annotations={"shallowsight/spec-digest": "of other GPUs"})

    steps = {
        "vanished": trainer.vanish,
        "being deleted": lambda: trainer.trainjob["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z"),
        "another one": another,
    }
    cluster.looks_until_gone = 5
    trainer.will(trainer.pods("Running"), trainer.nothing, steps[how])
    with pytest.raises(ShallowsightError, match=r"was deleted by a user or by another run. The same command continues"):
        launcher.run(pace=Pace(poll_seconds=0.01))
    assert cluster.count("DELETE") == 0


def test_one_that_another_run_made_in_its_place_is_followed(
    cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher
) -> None:
    """Two runs want one cell: one of them sees first that it failed, and replaces it."""
    trainer.will(trainer.pods("Running"), trainer.nothing)
    trainer.will(lambda: trainer.trainjob["metadata"].update(uid="of the other run"))
    trainer.will(trainer.nothing, trainer.complete)
    heard = launcher.run(pace=Pace(poll_seconds=0.01))
    assert "was replaced by another run; following the new TrainJob" in " ".join(heard.said)
    assert cluster.count("DELETE") == 0


def test_waiting_for_too_long(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher) -> None:
    trainer.will(trainer.suspend)
    with pytest.raises(
        ShallowsightError, match=r"waited for 0 s, the limit is 0 s; its state is waiting in queue: a100. It is"
    ):
        launcher.run(limits=Limits(deadline_seconds=30, queue_seconds=0.1))
    assert "deletionTimestamp" in trainer.trainjob["metadata"]


def test_the_deadline(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher) -> None:
    trainer.will(trainer.pods("Running"))
    with pytest.raises(
        ShallowsightError, match=r"has trained for 0 s, the limit is 0 s. It is deleted. The same command"
    ):
        launcher.run(limits=Limits(deadline_seconds=0.1, queue_seconds=30))
    assert "deletionTimestamp" in trainer.trainjob["metadata"]


def test_one_that_does_not_go(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher) -> None:
    made = body(JOB)
    cluster.trainjobs[JOB.name] = made | {"metadata": made["metadata"] | {"uid": "older"}}
    trainer.fail()
    cluster.looks_until_gone = 10_000
    with pytest.raises(ShallowsightError, match=r"still exists: .* kubectl get trainjob,pods -n vision"):
        launcher.run(pace=Pace(poll_seconds=0.01, gone_seconds=0.1))


def test_it_runs_beside_the_main_thread(trainer: FakeTrainer, launcher: Launcher) -> None:
    trainer.will(trainer.pods("Running"), trainer.complete)
    thread = threading.Thread(target=lambda: launcher.run(pace=PACE))
    thread.start()
    thread.join(10)
    assert launcher.heard.states[-1] == "complete"


def test_every_request_names_the_namespace(cluster: FakeKubernetes, trainer: FakeTrainer, launcher: Launcher) -> None:
    trainer.will(trainer.pods("Running"), trainer.complete)
    launcher.run()
    assert all(f"/namespaces/{NAMESPACE}/" in path for _, path, _ in cluster.requests)
    assert cluster.requests[0][:2] == ("POST", TRAINJOBS)
