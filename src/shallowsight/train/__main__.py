"""What torchrun starts in every process: `python -m shallowsight.train job.json`."""

import logging
import sys
from pathlib import Path

from shallowsight.errors import ShallowsightError
from shallowsight.train.loop import UpdateRecord
from shallowsight.train.stage import StageJob, run_stage

log = logging.getLogger("shallowsight.train")


def _log_update(record: UpdateRecord, updates: int) -> None:
    log.info("update %d of %d, loss %.4f, %.2f s", record.update, updates, record.loss, record.seconds)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    job = StageJob.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        run_stage(job, _log_update)
    except ShallowsightError as error:
        log.error("%s", error)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
