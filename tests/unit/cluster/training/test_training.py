"""What the training step asks of a cluster, and what it makes of the answer. No cluster: its launcher is replaced."""

from pathlib import Path

import pytest
from boxes import SETTING, Cluster, built
from tiny_training import pretraining

from shallowsight.cluster.pod_task import PodTask, document_of
from shallowsight.cluster.training import (
    GPUS_PER_NODE,
    LAUNCHER,
    QUEUE,
    Launch,
    _nodes,
    train_on_cluster,
    uses_trainjobs,
)
from shallowsight.errors import ConfigurationError, ShallowsightError
from shallowsight.store.cells import stage_cell
from shallowsight.store.mirror import MirroredStore
from shallowsight.store.objects.folder import FileObjects
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", LAUNCHER: "local"}, False),
        ({LAUNCHER: "trainjob"}, True),
    ],
)
def test_which_launcher(environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (LAUNCHER, "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert uses_trainjobs() is expected


def test_a_launcher_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LAUNCHER, "slurm")
    with pytest.raises(ConfigurationError, match="SHALLOWSIGHT_LAUNCHER='slurm': write local or trainjob"):
        uses_trainjobs()


@pytest.mark.parametrize(("gpus", "expected"), [(0, (1, 0)), (1, (1, 1)), (8, (1, 8)), (16, (2, 8)), (32, (4, 8))])
def test_gpus_fill_nodes(gpus: int, expected: tuple[int, int]) -> None:
    assert _nodes(gpus) == expected


def test_nodes_of_another_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GPUS_PER_NODE, "4")
    assert _nodes(12) == (3, 4)
    with pytest.raises(ConfigurationError, match="gpus=6: nodes have 4"):
        _nodes(6)


@pytest.mark.parametrize("text", ["0", "-1", "many", "4.0"])
def test_a_node_without_gpus_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GPUS_PER_NODE, text)
    with pytest.raises(ConfigurationError, match="write a whole number from 1, for instance 8"):
        _nodes(8)


def test_what_the_cluster_is_asked(
    alone: Resolved, store: MirroredStore, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(QUEUE, "shallowsight")
    cluster.makes = [built(store, alone)]
    place = train_on_cluster(pretraining(alone), store, Launch(16, "scheduled"))
    (job,) = cluster.jobs
    cell = stage_cell(alone, SETTING, 0, "pretrain")
    assert place == store.place(cell)
    assert job.command == ("python", "-m", "shallowsight.steps.pod", store.url, cell.digest, "16")
    assert (job.nodes, job.gpus_per_node, job.processes_per_node) == (2, 8, 8)
    assert (job.namespace, job.study, job.cell, job.stage) == ("vision", "small", cell.digest, "pretrain")
    assert (job.queue, job.priority) == ("shallowsight", "scheduled")
    told = PodTask.model_validate_json(store.read_document(document_of(cell.digest, 16)) or "")
    assert told == PodTask(resolved=alone, setting="2", seed=0, stage="pretrain", processes=16)
    assert told.cell.digest == cell.digest


def test_without_gpus_it_is_one_process(alone: Resolved, store: MirroredStore, cluster: Cluster) -> None:
    cluster.makes = [built(store, alone)]
    train_on_cluster(pretraining(alone), store, Launch(0, "scheduled"))
    assert (cluster.jobs[0].nodes, cluster.jobs[0].gpus_per_node, cluster.jobs[0].processes_per_node) == (1, 0, 1)
    assert cluster.jobs[0].queue is None and cluster.jobs[0].priority is None


def test_the_same_cell_in_two_stores_is_two_trainings(
    alone: Resolved, store: MirroredStore, cluster: Cluster, tmp_path: Path
) -> None:
    other = MirroredStore(FileObjects(tmp_path / "other"), tmp_path / "there")
    cluster.makes = [built(store, alone), built(other, alone)]
    for each in (store, other):
        train_on_cluster(pretraining(alone), each, Launch(8))
    assert cluster.jobs[0].name != cluster.jobs[1].name


def test_what_a_training_is_told_beside(
    alone: Resolved, store: MirroredStore, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHALLOWSIGHT_SAVE_SECONDS", "60")
    monkeypatch.setenv("SHALLOWSIGHT_GIBIBYTES_PER_GPU", "120")
    cluster.makes = [built(store, alone)]
    train_on_cluster(pretraining(alone), store, Launch(8))
    assert cluster.jobs[0].environment == {"SHALLOWSIGHT_SAVE_SECONDS": "60"}
    assert (cluster.jobs[0].cpus_per_gpu, cluster.jobs[0].gibibytes_per_gpu) == (8, 120)


def test_a_whole_cell_asks_nobody(alone: Resolved, store: MirroredStore, cluster: Cluster) -> None:
    built(store, alone)()
    train_on_cluster(pretraining(alone), store, Launch(8))
    assert cluster.jobs == []
    assert [line["event"] for line in store.ledger.events()][-1] == "reused"


def test_a_complete_job_whose_cell_is_gone_runs_again(alone: Resolved, store: MirroredStore, cluster: Cluster) -> None:
    cluster.makes = [lambda: None, built(store, alone)]
    train_on_cluster(pretraining(alone), store, Launch(8))
    assert len(cluster.jobs) == 2 and cluster.forgotten == cluster.jobs[:1]


def test_a_job_that_leaves_no_cell_is_a_failure(alone: Resolved, store: MirroredStore, cluster: Cluster) -> None:
    with pytest.raises(
        ShallowsightError, match="is complete, but the store has no complete cell; see the TrainJob's log"
    ):
        train_on_cluster(pretraining(alone), store, Launch(8))


def test_pods_do_not_reach_a_folder(resolved: Resolved, tmp_path: Path, cluster: Cluster) -> None:
    with pytest.raises(ConfigurationError, match="the pods of a TrainJob reach a bucket only; give s3://bucket/prefix"):
        train_on_cluster(pretraining(resolved), Store(tmp_path / "study"), Launch(8))
    assert cluster.jobs == []
