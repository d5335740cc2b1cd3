"""The local launcher: in this process, or torchrun with several. The training code does not know which."""

import json
import logging
import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from shallowsight.errors import ShallowsightError
from shallowsight.train.loop import UpdateRecord
from shallowsight.train.stage import StageJob, run_stage

log = logging.getLogger(__name__)

_LAST_LINES, _KEPT_LINES = 15, 200
_UPDATE = '{"updates": '  # how a line of the leading process begins
_TORCHRUN = re.compile(r"[EW]\d{4} \d\d:\d\d:\d\d\.\d+ .*torch/distributed/elastic")


def launch(job: StageJob, processes: int, work: Path, on_update: Callable[[UpdateRecord, int], None]) -> None:
    """Run a stage to its end.

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
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith(_UPDATE):
                found = json.loads(line)
                on_update(UpdateRecord(**{k: v for k, v in found.items() if k != "updates"}), found["updates"])
            else:
                log.info("%s", line.rstrip())
                said.append(line.rstrip())
    if running.returncode != 0:
        raise ShallowsightError(
            f"training with {processes} processes ended with status {running.returncode}:\n{_last_words(said)}"
        )


def _last_words(said: Sequence[str]) -> str:
    """What the processes said at last, without torchrun's own report, which is long and names no reason."""
    lines = list(said)
    own = next((n for n, line in enumerate(lines) if _TORCHRUN.match(line)), len(lines))
    return "\n".join((lines[:own] or lines)[-_LAST_LINES:])
