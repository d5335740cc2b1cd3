"""Several trainings among two processes that start once: to start them takes longer than such a training.

How processes are started, heard and stopped is the launcher's, with tests of its own.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from shallowsight.train.process_task import ProcessTask

LONG = 600.0  # seconds; only what is broken takes as long, however busy the machine


def train_among_two(tasks: Sequence[ProcessTask]) -> None:
    """One after another, each in both processes."""
    paths = []
    for task in tasks:
        paths.append(task.work / "task.json")
        paths[-1].write_text(task.model_dump_json(), encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node=2",
            __file__,
            *map(str, paths),
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONG,
    )
    assert done.returncode == 0, done.stdout[-5000:]


def main() -> None:
    """What each of the processes does."""
    import torch

    from shallowsight.train.orphans import die_with_parent
    from shallowsight.train.processes import leave_processes
    from shallowsight.train.stage import run_stage

    die_with_parent()
    for path in sys.argv[1:]:
        print(f"training {path}", flush=True)
        run_stage(ProcessTask.model_validate_json(Path(path).read_text(encoding="utf-8")), lambda *_: None)
        torch.nn.functional.linear = torch._C._nn.linear  # ZeRO 3 leaves its own
    leave_processes()
    sys.stdout.flush()
    os._exit(0)  # as shallowsight.train ends: a thread of torch may abort a process that shuts down


if __name__ == "__main__":
    main()
