"""Failures that trying again cannot mend: Kubeflow tries the box again all the same, and it asks no cluster then."""

import logging

import pytest
from boxes import SETTING, Cluster, built, fails
from tiny_training import pretraining

from shallowsight.cluster.kubernetes.final import FinalFailure, document_of_failure
from shallowsight.cluster.training import Launch, train_on_cluster
from shallowsight.errors import (
    ConfigurationError,
    DataRefused,
    Interrupted,
    LossNotFinite,
    OutOfMemory,
    ShallowsightError,
    StoreUnavailable,
)
from shallowsight.store.cells import stage_cell
from shallowsight.store.mirror import MirroredStore
from shallowsight.study.resolved import Resolved

FINAL = [
    ConfigurationError("images of two versions"),
    DataRefused("too many bad rows"),
    LossNotFinite("the loss is nan at update 7"),
    OutOfMemory("one sample at a time already"),
]
PASSING = [ShallowsightError("a node died"), Interrupted("stopped"), StoreUnavailable("the store is away")]


def train(resolved: Resolved, store: MirroredStore, run: str) -> None:
    train_on_cluster(pretraining(resolved), store, Launch(8, "", run))


def kept(store: MirroredStore, resolved: Resolved, run: str = "run-1") -> str | None:
    return store.read_document(document_of_failure(stage_cell(resolved, SETTING, 0, "pretrain").digest, run))


def failed(resolved: Resolved, store: MirroredStore, cluster: Cluster, error: ShallowsightError, run: str) -> None:
    cluster.makes = [fails(error)]
    with pytest.raises(type(error)):
        train(resolved, store, run)
    cluster.jobs.clear()


@pytest.mark.parametrize("error", FINAL, ids=lambda error: type(error).__name__)
def test_the_same_run_fails_at_once(
    alone: Resolved, store: MirroredStore, cluster: Cluster, error: ShallowsightError
) -> None:
    failed(alone, store, cluster, error, "run-1")
    assert FinalFailure.model_validate_json(kept(store, alone) or "") == FinalFailure(
        kind=type(error).__name__, message=str(error)
    )
    for _ in range(2):
        with pytest.raises(type(error), match=rf"^{error} \(.* run run-1 failed with this, so there was no retry"):
            train(alone, store, "run-1")
    assert cluster.jobs == []


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_what_may_pass_is_tried_again(
    alone: Resolved, store: MirroredStore, cluster: Cluster, error: ShallowsightError
) -> None:
    failed(alone, store, cluster, error, "run-1")
    assert kept(store, alone) is None
    cluster.makes = [built(store, alone)]
    train(alone, store, "run-1")


@pytest.mark.parametrize("run", ["run-2", ""])
def test_another_run_tries_afresh(alone: Resolved, store: MirroredStore, cluster: Cluster, run: str) -> None:
    failed(alone, store, cluster, LossNotFinite("nan"), "run-1")
    cluster.makes = [built(store, alone)]
    train(alone, store, run)
    assert len(cluster.jobs) == 1


def test_two_runs_that_want_one_cell_each_fail_once(alone: Resolved, store: MirroredStore, cluster: Cluster) -> None:
    for run in ("run-1", "run-2"):
        failed(alone, store, cluster, LossNotFinite("nan"), run)
    for run in ("run-1", "run-2", "run-1", "run-2"):
        with pytest.raises(LossNotFinite, match=f"earlier try of run {run}"):
            train(alone, store, run)
    assert cluster.jobs == []


def test_a_run_without_an_id_keeps_nothing(alone: Resolved, store: MirroredStore, cluster: Cluster) -> None:
    failed(alone, store, cluster, LossNotFinite("nan"), "")
    assert list(store._objects.keys("runs/")) == []


def test_what_the_cluster_refuses_is_no_failure_of_the_training(
    alone: Resolved, store: MirroredStore, cluster: Cluster
) -> None:
    """Somebody may grant it before the next try."""

    def refused() -> None:
        raise ConfigurationError("may not create trainjobs")

    cluster.makes = [refused]
    with pytest.raises(ConfigurationError, match="may not create"):
        train(alone, store, "run-1")
    assert kept(store, alone) is None


@pytest.mark.parametrize("text", ["", "{}", '{"kind": "LossNotFinite"}'])
def test_a_document_of_another_version_counts_for_nothing(
    alone: Resolved, store: MirroredStore, cluster: Cluster, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    store.write_document(document_of_failure(stage_cell(alone, SETTING, 0, "pretrain").digest, "run-1"), text)
    cluster.makes = [built(store, alone)]
    train(alone, store, "run-1")
    assert "was written by another version and is ignored" in caplog.text


def test_a_store_that_is_away_hides_no_failure(
    alone: Resolved,
    store: MirroredStore,
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def away(name: str, text: str) -> None:
        raise StoreUnavailable("the store is away")

    def fail() -> LossNotFinite:
        monkeypatch.setattr(store, "write_document", away)
        return LossNotFinite("nan")

    cluster.makes = [fail]
    with caplog.at_level(logging.WARNING), pytest.raises(LossNotFinite, match=r"^nan$"):
        train(alone, store, "run-1")
    assert "could not be stored (the store is away): a retry of this run will train again" in caplog.text
