"""What torchrun starts in every process: `python -m shallowsight.train job.json`."""

import ctypes
import json
import logging
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from shallowsight.errors import ShallowsightError
from shallowsight.train.loop import UpdateRecord
from shallowsight.train.stage import StageJob, run_stage

log = logging.getLogger("shallowsight.train")

_PR_SET_PDEATHSIG = 1  # Linux: the signal that a process gets when its parent dies


def _say_update(record: UpdateRecord, updates: int) -> None:
    # One line the launcher reads.
    sys.stdout.write(json.dumps({"updates": updates, **asdict(record)}) + "\n")
    sys.stdout.flush()


def main() -> None:
    # torchrun gives each process a session of its own: nothing else would end them when it is killed.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    job = StageJob.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        run_stage(job, _say_update)
    except ShallowsightError as error:
        log.error("%s", error)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
