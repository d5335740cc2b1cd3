"""What a TrainJob starts in every pod: `python -m shallowsight.steps.pod STORE_URL CELL_DIGEST PROCESSES`.

The first pod makes the cell, from the states that an earlier one saved; the others lend it their processes. All have
torchrun's own variables (PET_...) from the Trainer.
"""

import logging
import os
import signal
import sys

from shallowsight.cluster.pod_task import PodTask
from shallowsight.errors import ConfigurationError, Interrupted, LossNotFinite, OutOfMemory, ShallowsightError
from shallowsight.steps.train_cell import OnFailure, lend_processes, train_cell
from shallowsight.store.failures import say_failure
from shallowsight.store.opening import open_store
from shallowsight.store.store import Store

log = logging.getLogger("shallowsight.steps.pod")

ENDED = 6  # the exit status at which the runtime ends the TrainJob: started again, it would fail in the same way
_ENDING = (LossNotFinite, OutOfMemory)  # the launcher makes another TrainJob of a lack of memory that can be helped


def work(store: Store, cell_digest: str, processes: int, node: int, on_failure: OnFailure) -> None:
    """The part of one node; `processes` are those of all.

    Raises:
        ConfigurationError: the store does not know the cell, or this code would make another one.
        ShallowsightError: the training failed.
    """
    task = PodTask.read(store, cell_digest, processes)
    if task.cell.digest != cell_digest:
        raise ConfigurationError(
            f"cell {cell_digest} was asked for, and this image would make {task.cell.digest}: "
            "its code or packages are others than those of the image that asks; use images of one version"
        )
    if node == 0:
        train_cell(task, store, None, task.accumulation, on_failure)
    elif not store.is_whole(task.cell):
        lend_processes(task, store, task.accumulation, on_failure)


def _stop(number: int, frame: object) -> None:
    raise Interrupted("stopped before the training began; the same TrainJob begins again")


def main() -> None:
    """Train as the arguments say; every failure is told to the launcher and is an exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stdout)
    # The first process of a container has no handlers of its own: without one the pod would load data for two minutes.
    signal.signal(signal.SIGTERM, _stop)
    said: list[ShallowsightError] = []

    def say(error: ShallowsightError) -> None:
        """Once: at once where the metrics still linger, else at the end."""
        if error not in said:
            said.append(error)
            log.error("%s", error)
            say_failure(error)

    store, digest, processes = sys.argv[1:]
    try:
        work(open_store(store), digest, int(processes), int(os.environ.get("PET_NODE_RANK", "0")), say)
    except ShallowsightError as error:
        say(error)
        sys.exit(ENDED if isinstance(error, _ENDING) else error.exit_status)


if __name__ == "__main__":
    main()
