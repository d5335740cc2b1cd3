"""The pods of a TrainJob, as processes that share nothing but a real S3 server and the network."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from ports import free_port
from s3_server import BUCKET, Server
from tiny_training import pretraining

from shallowsight.cluster.pod_task import PodTask, document_of
from shallowsight.model.threads import THREADS
from shallowsight.steps.train_cell import train_cell
from shallowsight.store.cells import prepare_cell, stage_cell
from shallowsight.store.opening import CACHE, open_store
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

pytestmark = pytest.mark.slow

SETTING = Setting.parse("2")


def with_data(store: Store, resolved: Resolved, data: Path) -> Store:
    def copy(out: Path) -> None:
        subprocess.run(["cp", "-r", f"{data}/.", str(out)], check=True)

    store.build(prepare_cell(resolved), copy)
    return store


def start_node(url: str, digest: str, rank: int, nodes: int, port: int, disk: Path) -> "subprocess.Popen[bytes]":
    trainer = {
        "PET_NNODES": str(nodes), "PET_NPROC_PER_NODE": "1", "PET_NODE_RANK": str(rank),
        "PET_MASTER_ADDR": "127.0.0.1", "PET_MASTER_PORT": str(port),
    }  # fmt: skip
    disk.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "shallowsight.steps.pod", url, digest, str(nodes)],
        # Other nodes than the first may ask for what they like: all compute as the first one does.
        env=os.environ | trainer | {CACHE: str(disk), THREADS: "1" if rank == 0 else "2"},
        stdout=(disk / "log").open("ab"),
        stderr=subprocess.STDOUT,
    )


@pytest.mark.parametrize("nodes", [1, 2])
def test_nodes_make_a_cell(
    s3: Server, resolved: Resolved, prepared: "object", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nodes: int
) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path / "launcher"))
    monkeypatch.setenv(THREADS, "1")
    url = f"s3://{BUCKET}/{uuid4().hex}"
    store = with_data(open_store(url), resolved, prepared.folder)  # type: ignore[attr-defined]
    cell = stage_cell(resolved, SETTING, 0, "pretrain")
    PodTask(resolved=resolved, setting="2", seed=0, stage="pretrain", processes=nodes).write(store)

    port = free_port()
    running = [start_node(url, cell.digest, n, nodes, port, tmp_path / f"node {n}") for n in range(nodes)]
    try:
        for number, node in enumerate(running):
            assert node.wait(timeout=180) == 0, (tmp_path / f"node {number}" / "log").read_text()[-3000:]
    finally:
        for node in running:
            node.kill()

    assert store.is_whole(cell)
    there = store.folder(cell)
    local = with_data(Store(tmp_path / "local"), resolved, prepared.folder)  # type: ignore[attr-defined]
    here = train_cell(pretraining(resolved), local, nodes)
    # Equal bits are promised for equal ways to compute.
    ways = [read.computed for read in (store.record(cell.digest), local.record(cell.digest)) if read is not None]
    assert ways[0] == ways[1] and [(way.processes, way.threads) for way in ways[0]] == [(nodes, 1)]
    for name in ("connector.safetensors", "losses.jsonl"):
        assert (there / name).read_bytes() == (here / name).read_bytes()


def test_a_node_of_another_version_refuses(s3: Server, resolved: Resolved, tmp_path: Path) -> None:
    url, digest = f"s3://{BUCKET}/{uuid4().hex}", "0" * 16
    store = open_store(url)
    task = PodTask(resolved=resolved, setting="2", seed=0, stage="pretrain")
    store.write_document(document_of(digest, 1), task.model_dump_json())
    node = start_node(url, digest, 0, 1, free_port(), tmp_path / "node")
    assert node.wait(timeout=60) == 2
    said = (tmp_path / "node" / "log").read_text()
    assert "use images of one version" in said and '{"failure": "ConfigurationError"' in said


def test_a_node_without_a_task_refuses(s3: Server, tmp_path: Path) -> None:
    node = start_node(f"s3://{BUCKET}/{uuid4().hex}", "0" * 16, 0, 1, free_port(), tmp_path / "node")
    assert node.wait(timeout=60) == 2
    assert (
        "has no jobs/0000000000000000-1.json, which the step that creates a TrainJob writes"
        in (tmp_path / "node" / "log").read_text()
    )
