"""The local launcher: in this process, or torchrun with several. The training code does not know which."""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from shallowsight.errors import ShallowsightError
from shallowsight.train.loop import UpdateRecord
from shallowsight.train.stage import StageJob, run_stage

log = logging.getLogger(__name__)

_LAST_LINES = 15
_TORCHRUN = re.compile(r"[EW]\d{4} \d\d:\d\d:\d\d\.\d+ .*torch/distributed/elastic")


def launch(job: StageJob, processes: int, work: Path, on_update: Callable[[UpdateRecord, int], None]) -> None:
    """Run a stage to its end. With several processes `on_update` stays silent: their log has the losses.

    Raises:
        ShallowsightError: the training failed; the message ends with the last lines of its log.
    """
    if processes == 1:
        run_stage(job, on_update)
        return
    path = work / "job.json"
    path.write_text(job.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command += ["-m", "shallowsight.train", str(path)]
    threads = max(1, len(os.sched_getaffinity(0)) // processes)
    log.info("starting %d processes with %d threads each", processes, threads)
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise ShallowsightError(
            f"training with {processes} processes ended with status {done.returncode}:\n{_last_words(done.stdout)}"
        )
    log.info("%s", done.stdout)


def _last_words(output: str) -> str:
    """What the processes said at last, without torchrun's own report, which is long and names no reason."""
    lines = output.splitlines()
    own = next((n for n, line in enumerate(lines) if _TORCHRUN.match(line)), len(lines))
    return "\n".join((lines[:own] or lines)[-_LAST_LINES:])
