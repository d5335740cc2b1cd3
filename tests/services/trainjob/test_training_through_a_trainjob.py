"""The training box on a cluster, all the way: its TrainJob's own command runs as nodes, and the store gets the cell.

The API server is a stand-in; the nodes, the training and the S3 server are real.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fake_kubernetes import FakeKubernetes
from fake_trainer import FakeTrainer
from launches import Launcher
from s3_server import BUCKET, Server
from tiny_training import pretraining

from shallowsight import steps
from shallowsight.cluster.kubernetes.trainjob import TrainJob
from shallowsight.cluster.pod_task import PodTask
from shallowsight.cluster.training import GPUS_PER_NODE, LAUNCHER, QUEUE, Launch, train_on_cluster, training_name
from shallowsight.errors import ConfigurationError, LossNotFinite, ShallowsightError
from shallowsight.model.threads import THREADS
from shallowsight.steps.pod import ENDED
from shallowsight.steps.train_cell import train_cell
from shallowsight.store.cells import prepare_cell, stage_cell
from shallowsight.store.opening import CACHE, open_store
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

pytestmark = pytest.mark.slow

SETTING = Setting.parse("2")
# What the processes of some nodes import before anything else.
_CHANGED = """
import os, sys
if os.environ.get("PET_NODE_RANK") in {nodes} and "shallowsight.train" in sys.orig_argv:
    import torch
    from shallowsight.model.vlm import VLM
    real = VLM.forward
    def forward(self, features, ids, *rest):
        {change}
    VLM.forward = forward
"""
GREEDY = "return real(self, features, ids, *rest) if len(ids) == 1 else torch.empty(10**15)"
POISONED = _CHANGED.format(nodes=["0", "1"], change="return real(self, features, ids, *rest) * float('nan')")


@pytest.fixture
def store(s3: Server, resolved: Resolved, prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv(CACHE, str(tmp_path / "box"))
    monkeypatch.setenv(LAUNCHER, "trainjob")
    monkeypatch.setenv(QUEUE, "shallowsight")
    monkeypatch.setenv(THREADS, "1")  # of the nodes, and of what they are compared with
    made = open_store(f"s3://{BUCKET}/{uuid4().hex}")
    copy: Callable[[Path], Any] = lambda out: subprocess.run(["cp", "-r", f"{prepared.folder}/.", out], check=True)  # noqa: E731
    made.build(prepare_cell(resolved), copy)
    return made


@dataclass
class Trainer:
    """Does what each TrainJob of a cell asks for, as its pods would; `ends` has the exit statuses of their nodes."""

    fake: FakeTrainer
    environment: dict[str, str]
    folder: Path
    nodes: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    ends: list[list[int]] = field(default_factory=list)
    uid: str = ""  # of the TrainJob that they are of

    def step(self) -> None:
        """A look at what is there, whenever somebody asks the cluster."""
        self.fake.cluster.steps.append(self.step)
        found = self.fake.cluster.trainjobs.get(self.fake.job.name)
        if found is None or "deletionTimestamp" in found["metadata"] or "status" in found:
            return
        if found["metadata"]["uid"] != self.uid:
            self.uid = found["metadata"]["uid"]
            self.start(found["spec"]["trainer"])
            self.fake.pods("Running")()
        elif all(node.poll() is not None for node in self.nodes):
            self.end()

    def start(self, asked: dict[str, Any]) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        inherited = {name: value for name, value in os.environ.items() if name != LAUNCHER}
        given = {
            "PET_NNODES": str(asked["numNodes"]), "PET_NPROC_PER_NODE": str(asked["numProcPerNode"]),
            "PET_MASTER_ADDR": "127.0.0.1", "PET_MASTER_PORT": str(port),
        }  # fmt: skip
        common = inherited | given | self.environment
        self.nodes = [
            subprocess.Popen(
                [sys.executable, *asked["command"][1:]],
                env=common | {"PET_NODE_RANK": str(rank), CACHE: str(self.folder / f"node {rank}")},
                stdout=self.log(rank).open("wb"),
            )
            for rank in range(asked["numNodes"])
        ]

    def end(self) -> None:
        statuses = [node.returncode for node in self.nodes]
        for rank, status in enumerate(statuses):
            self.fake.writes(*self.log(rank).read_text().splitlines(), index=rank)()
            self.fake.pod(rank, "Failed" if status else "Succeeded")()
        self.ends.append(statuses)
        (self.fake.fail if any(statuses) else self.fake.complete)()

    def log(self, rank: int) -> Path:
        return self.folder / f"log {rank} {len(self.ends)}"

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()
            node.wait()


@pytest.fixture
def the_trainer(
    cluster: FakeKubernetes, resolved: Resolved, store: Store, tmp_path: Path
) -> Iterator[Callable[..., Trainer]]:
    with ExitStack() as ending:

        def make(nodes: int = 1, **environment: str) -> Trainer:
            cell = stage_cell(resolved, SETTING, 0, "pretrain")
            job = TrainJob(
                name=training_name("pretrain", cell.digest, store.url), namespace="vision", nodes=nodes,
                processes_per_node=1, command=("x",), study="small", cell=cell.digest, stage="pretrain",
            )  # fmt: skip
            made = Trainer(FakeTrainer(cluster, job), environment, tmp_path)
            ending.callback(made.stop)
            cluster.steps.append(made.step)
            return made

        yield make


def test_the_box_gets_the_cell(
    launcher: Launcher,
    cluster: FakeKubernetes,
    resolved: Resolved,
    store: Store,
    the_trainer: Callable[..., Trainer],
) -> None:
    trainer = the_trainer()
    (place,) = steps.train_stage(resolved, "2", "pretrain", store, steps.Launch(0, "shallowsight-scheduled"))
    cell = stage_cell(resolved, SETTING, 0, "pretrain")
    assert place == store.place(cell) and store.is_whole(cell)
    assert not place.exists(), "a box that starts trainings does not load what they make"
    labels = trainer.fake.trainjob["metadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == "shallowsight"
    assert labels["kueue.x-k8s.io/priority-class"] == "shallowsight-scheduled"
    asked = len(cluster.requests)
    assert steps.train_stage(resolved, "2", "pretrain", store, steps.Launch(0)) == [place]
    assert len(cluster.requests) == asked, "a whole cell asks no cluster"


def test_why_a_training_failed_reaches_the_box(
    launcher: Launcher, resolved: Resolved, store: Store, the_trainer: Callable[..., Trainer]
) -> None:
    trainer = the_trainer(SHALLOWSIGHT_SAVE_SECONDS="never")
    with pytest.raises(ShallowsightError, match="SHALLOWSIGHT_SAVE_SECONDS='never': write the seconds"):
        steps.train_stage(resolved, "2", "pretrain", store, steps.Launch(0))
    assert trainer.ends == [[ConfigurationError.exit_status]]


@pytest.mark.parametrize("greedy", [(0, 1), (1,)], ids=["both nodes", "the second node"])
def test_two_nodes_that_lack_memory_agree_on_smaller_micro_batches(
    launcher: Launcher,
    cluster: FakeKubernetes,
    resolved: Resolved,
    store: Store,
    the_trainer: Callable[..., Trainer],
    prepared: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    greedy: tuple[int, ...],
) -> None:
    """They ask the real allocator for too much."""
    monkeypatch.setenv(GPUS_PER_NODE, "1")
    (tmp_path / "sitecustomize.py").write_text(_CHANGED.format(nodes=[str(rank) for rank in greedy], change=GREEDY))
    trainer = the_trainer(2, PYTHONPATH=str(tmp_path))
    (place,) = steps.train_stage(resolved, "2", "pretrain", store, steps.Launch(2))
    cell = stage_cell(resolved, SETTING, 0, "pretrain")
    assert place == store.place(cell) and store.is_whole(cell)
    first, second = trainer.ends
    assert all(first) and {first[rank] for rank in greedy} == {ENDED} and second == [0, 0]
    assert PodTask.read(store, cell.digest, 2).accumulation == 2
    assert cluster.count("DELETE") == 1, "the failed TrainJob made way"

    monkeypatch.delenv(LAUNCHER)
    alone = Store(tmp_path / "alone")
    alone.build(prepare_cell(resolved), lambda out: shutil.copytree(prepared.folder, out, dirs_exist_ok=True) and None)
    expected = train_cell(pretraining(resolved), alone, 2, accumulation=2)
    ways = [read.computed for read in (store.record(cell.digest), alone.record(cell.digest)) if read is not None]
    assert ways[0] == ways[1] and [(way.processes, way.threads, way.passes) for way in ways[0]] == [(2, 1, 2)]
    assert (store.folder(cell) / "losses.jsonl").read_bytes() == (expected / "losses.jsonl").read_bytes()


def test_a_training_that_diverges_is_not_tried_again_in_the_same_run(
    launcher: Launcher,
    cluster: FakeKubernetes,
    resolved: Resolved,
    store: Store,
    the_trainer: Callable[..., Trainer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(GPUS_PER_NODE, "1")
    (tmp_path / "sitecustomize.py").write_text(POISONED)
    trainer = the_trainer(2, PYTHONPATH=str(tmp_path))
    with pytest.raises(LossNotFinite, match=r"the loss is nan at update 1, with records") as failure:
        train_on_cluster(pretraining(resolved), store, Launch(2, "", "run-1"))
    assert trainer.ends == [[ENDED, ENDED]]
    asked = len(cluster.requests)
    with pytest.raises(
        LossNotFinite, match="an earlier try of run run-1 failed with this, so there was no retry"
    ) as again:
        train_on_cluster(pretraining(resolved), store, Launch(2, "", "run-1"))
    assert str(again.value).startswith(str(failure.value)) and len(cluster.requests) == asked
    with pytest.raises(LossNotFinite, match=r"learning_rate \(now .*\)$"):
        train_on_cluster(pretraining(resolved), store, Launch(2, "", "run-2"))
    assert len(trainer.ends) == 2
