"""The training box on a cluster, all the way: its TrainJob's own command runs as nodes, and the store gets the cell.

The API server is a stand-in; the nodes, the training and the S3 server are real.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fake_kubernetes import FakeKubernetes
from fake_trainer import FakeTrainer
from launches import Launcher
from s3_server import BUCKET, Server

from shallowsight import steps
from shallowsight.cells import Resolved, prepare_cell, stage_cell
from shallowsight.cluster_step import GPUS_PER_NODE, LAUNCHER, QUEUE, training_name
from shallowsight.errors import ShallowsightError
from shallowsight.services.cluster.trainjob import TrainJob
from shallowsight.services.store import Store
from shallowsight.services.stores import CACHE, open_store
from shallowsight.settings import Setting

pytestmark = pytest.mark.slow

SETTING = Setting.parse("2")


@pytest.fixture
def store(s3: Server, resolved: Resolved, prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv(CACHE, str(tmp_path / "box"))
    monkeypatch.setenv(LAUNCHER, "trainjob")
    monkeypatch.setenv(QUEUE, "shallowsight")
    made = open_store(f"s3://{BUCKET}/{uuid4().hex}")
    copy: Callable[[Path], Any] = lambda out: subprocess.run(["cp", "-r", f"{prepared.folder}/.", out], check=True)  # noqa: E731
    made.build(prepare_cell(resolved), copy)
    return made


def the_trainer(
    cluster: FakeKubernetes, resolved: Resolved, store: Store, folder: Path, more: dict[str, str]
) -> FakeTrainer:
    """Runs what the TrainJob asks for, as its pods would."""
    cell = stage_cell(resolved, SETTING, 0, "pretrain")
    job = TrainJob(
        name=training_name("pretrain", cell.digest, store.url), namespace="vision", nodes=1, processes_per_node=1,
        command=("x",), study="small", cell=cell.digest, stage="pretrain",
    )  # fmt: skip
    trainer = FakeTrainer(cluster, job)

    def work() -> None:
        asked = trainer.trainjob["spec"]["trainer"]
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        variables = {
            "PET_NNODES": str(asked["numNodes"]), "PET_NPROC_PER_NODE": str(asked["numProcPerNode"]),
            "PET_NODE_RANK": "0", "PET_MASTER_ADDR": "127.0.0.1", "PET_MASTER_PORT": str(port),
        }  # fmt: skip
        environment = {name: value for name, value in os.environ.items() if name != LAUNCHER}
        ended = subprocess.run(
            [sys.executable, *asked["command"][1:]],
            env=environment | variables | {CACHE: str(folder), "OMP_NUM_THREADS": "1"} | more,
            capture_output=True,
            text=True,
        )
        trainer.writes(*ended.stdout.splitlines())()
        cluster.steps.append(trainer.fail if ended.returncode else trainer.complete)

    trainer.will(trainer.pods("Running"), work)
    return trainer


def test_the_box_gets_the_cell(
    launcher: Launcher, cluster: FakeKubernetes, resolved: Resolved, store: Store, tmp_path: Path
) -> None:
    trainer = the_trainer(cluster, resolved, store, tmp_path / "node", {})
    (place,) = steps.train_stage(resolved, "2", "pretrain", store, 0, "shallowsight-scheduled")
    cell = stage_cell(resolved, SETTING, 0, "pretrain")
    assert place == store.place(cell) and store.is_whole(cell)
    assert not place.exists(), "a box that starts trainings does not load what they make"
    labels = trainer.trainjob["metadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == "shallowsight"
    assert labels["kueue.x-k8s.io/priority-class"] == "shallowsight-scheduled"
    asked = len(cluster.requests)
    assert steps.train_stage(resolved, "2", "pretrain", store, 0, "") == [place]
    assert len(cluster.requests) == asked, "a whole cell asks no cluster"


def test_why_a_training_failed_reaches_the_box(
    launcher: Launcher, cluster: FakeKubernetes, resolved: Resolved, store: Store, tmp_path: Path
) -> None:
    the_trainer(cluster, resolved, store, tmp_path / "node", {"SHALLOWSIGHT_SAVE_SECONDS": "never", GPUS_PER_NODE: "8"})
    with pytest.raises(ShallowsightError, match="SHALLOWSIGHT_SAVE_SECONDS='never': write the seconds"):
        steps.train_stage(resolved, "2", "pretrain", store, 0, "")
