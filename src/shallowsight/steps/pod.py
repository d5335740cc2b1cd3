"""The command that a TrainJob runs in every pod: `python -m shallowsight.steps.pod STORE_URL CELL_DIGEST PROCESSES`.

The first pod makes the cell, starting from the training state that an earlier pod saved; the other pods run their part
of the training's processes. All pods get torchrun's own variables (PET_...) from the Kubeflow Trainer.
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

ENDED = 6  # the exit status at which the runtime ends the TrainJob, because a retry would fail in the same way
# After a lack of memory that smaller micro-batches can mend, the launcher makes a new TrainJob with more of them.
_ENDING = (LossNotFinite, OutOfMemory)


def work(store: Store, cell_digest: str, processes: int, node: int, on_failure: OnFailure) -> None:
    """Do one node's part of the training; `processes` is the number over all nodes.

    Raises:
        ConfigurationError: the store does not know the cell, or the code of this image would make a different cell.
        ShallowsightError: the training failed.
    """
    task = PodTask.read(store, cell_digest, processes)
    if task.cell.digest != cell_digest:
        raise ConfigurationError(
            f"cell {cell_digest} was asked for, but this image would make {task.cell.digest}: "
            "the pipeline's image and the training image have different code or packages; use images of one version"
        )
    if node == 0:
        train_cell(task, store, None, task.accumulation, on_failure)
    elif not store.is_whole(task.cell):
        lend_processes(task, store, task.accumulation, on_failure)


def _stop(number: int, frame: object) -> None:
    raise Interrupted("stopped before the training began; the TrainJob starts this pod again")


def main() -> None:
    """Train as the arguments say; print every failure for the launcher, and exit with its status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stdout)
    # Linux does not end the first process of a container at SIGTERM unless the process has a handler for the signal:
    # without one, a pod that is told to stop would go on loading data for two minutes.
    signal.signal(signal.SIGTERM, _stop)
    said: list[ShallowsightError] = []

    def say(error: ShallowsightError) -> None:
        """Report an error once: before the metrics linger if training calls this, else when the program ends."""
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
