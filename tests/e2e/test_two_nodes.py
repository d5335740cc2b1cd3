"""Two nodes of one process each, as the pods of a TrainJob are: apart but for the network and the store."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ports import free_port
from stage_runs import LONG, kill, losses, meddling, result, saved, wait_for

from shallowsight.train.process_task import ProcessTask

pytestmark = pytest.mark.slow

UPDATES = 12


def start_node(job: ProcessTask, rank: int, port: int, **environment: str) -> "subprocess.Popen[bytes]":
    """With a scratch folder of its own."""
    folder = job.out.parent / f"node {rank}"
    (folder / "work").mkdir(parents=True, exist_ok=True)
    path = folder / "job.json"
    path.write_text(job.model_copy(update={"work": folder / "work"}).model_dump_json(), encoding="utf-8")
    launcher = ["torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", f"--node-rank={rank}"]
    launcher += ["--master-addr=127.0.0.1", f"--master-port={port}", "-m", "shallowsight.train", str(path)]
    return subprocess.Popen(
        [sys.executable, "-m", *launcher],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        stdout=(folder / "log").open("ab"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def log_of(job: ProcessTask) -> str:
    return "".join(path.read_text() for path in sorted(job.out.parent.glob("node */log")))


def test_two_nodes_train_as_two_processes_do(
    resumable: Callable[..., ProcessTask], calm: Callable[..., ProcessTask], tmp_path: Path
) -> None:
    together, apart = calm(2, UPDATES), resumable("apart", updates=UPDATES)
    port = free_port()
    nodes = [start_node(apart, rank, port, **meddling(tmp_path, 4)) for rank in (0, 1)]
    wait_for(lambda: len(saved(apart)) >= 2, "two states", *nodes)
    for node in nodes:
        kill(node)
    port = free_port()
    for node in [start_node(apart, rank, port) for rank in (0, 1)]:
        assert node.wait(timeout=LONG) == 0, log_of(apart)[-4000:]
    assert "continuing after update" in log_of(apart)
    assert losses(apart) == losses(together)
    assert result(apart) == result(together)
