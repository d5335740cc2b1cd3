"""Several trainings among two processes that start once: to start them takes longer than such a training.

How processes are started, heard and stopped is the launcher's, with tests of its own.
"""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
from own_linear import restore_linear

from shallowsight.errors import Interrupted
from shallowsight.train.loop import UpdateRecord
from shallowsight.train.process_task import ProcessTask

LONG = 600.0  # seconds; only what is broken takes as long, however busy the machine


def train_among_two(tasks: Sequence[ProcessTask], stop_after: int = 0) -> str:
    """One after another, each in both processes; what they say.

    After the update `stop_after`, if it is not 0, each of them is told to stop.
    """
    paths = []
    for task in tasks:
        paths.append(str(task.work / "task.json"))
        Path(paths[-1]).write_text(task.model_dump_json(), encoding="utf-8")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launcher, __file__, str(stop_after), *paths],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONG,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def main() -> None:
    """What each of the processes does."""
    from shallowsight.train.orphans import die_with_parent
    from shallowsight.train.processes import leave_processes
    from shallowsight.train.stage import run_stage

    die_with_parent()
    logging.basicConfig(level=logging.INFO)
    stop_after = int(sys.argv[1])

    def on_update(record: UpdateRecord, updates: int) -> None:
        if record.update == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)

    for path in sys.argv[2:]:
        logging.info("training %s", path)
        with pytest.raises(Interrupted) if stop_after else nullcontext():
            run_stage(ProcessTask.model_validate_json(Path(path).read_text(encoding="utf-8")), on_update)
        restore_linear()
    leave_processes()
    sys.stdout.flush()
    os._exit(0)  # as shallowsight.train ends: a thread of torch may abort a process that shuts down


if __name__ == "__main__":
    main()
