"""The local launcher: trains in this process, or in several processes of torchrun. The code of a stage is the same."""

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from shallowsight.errors import Interrupted, OutOfMemory, ShallowsightError
from shallowsight.observe.metrics.exposition import PORT
from shallowsight.store.failures import failure_in, last_words
from shallowsight.train.keeper import OnState
from shallowsight.train.loop import UpdateRecord
from shallowsight.train.messages import STATE, UPDATE, read_message
from shallowsight.train.orphans import die_with_parent
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage

log = logging.getLogger(__name__)

_KEPT_LINES = 200
_LAST_SECONDS = 30.0  # in which the other processes may end, after one process has reported its failure
_MEETING = 7200  # seconds for all nodes to join; some of them must first fetch data

OnUpdate = Callable[[UpdateRecord, int], None]


def launch(task: ProcessTask, processes: int | None, on_update: OnUpdate, on_state: OnState = lambda *_: None) -> None:
    """Run a stage to its end. On one node, after a lack of memory, try again with smaller micro-batches.

    The new try repeats the updates since the last saved state. With None for `processes`, torchrun reads its own
    variables (PET_...) from the environment, as in the pods of a TrainJob.

    Raises:
        ShallowsightError: the training failed. The error has the type that a process reported; if no process reported
            one, the message ends with the last lines of the processes' log.
    """
    while True:
        try:
            if processes == 1:
                run_stage(task, on_update, on_state)
            else:
                # This process hears of every update and serves the metrics; port 0 keeps its children from doing so.
                _run_processes(task, processes, {PORT: "0"}, on_update, on_state)
            return
        except OutOfMemory as fault:
            # All nodes must use the same number of passes, so with several nodes the launcher of the TrainJob retries.
            if fault.more_passes is None or _nodes() > 1:
                raise
            log.warning("%s; going on with accumulation=%d, the same global batch", fault, fault.more_passes)
            task = task.model_copy(update={"accumulation": fault.more_passes})
            del fault  # its traceback holds the frames that hold the model
            gc.collect()
            torch.cuda.empty_cache()


def lend(task: ProcessTask) -> None:
    """Run the processes of a node that is not the first one. Its metrics are served by one of these processes.

    Raises:
        ShallowsightError: the training failed.
    """
    _run_processes(task, None, {}, lambda *_: None, lambda *_: None)


def _nodes() -> int:
    return int(os.environ.get("PET_NNODES", "1"))


def _run_processes(
    task: ProcessTask, processes: int | None, variables: dict[str, str], on_update: OnUpdate, on_state: OnState
) -> None:
    path = task.work / "task.json"
    path.write_text(task.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run"]
    if processes is None:
        count = int(os.environ.get("PET_NPROC_PER_NODE", "1"))
        command += [f"--rdzv-conf=timeout={_MEETING}"]
    else:
        count = processes
        command += ["--standalone", f"--nproc-per-node={processes}"]
    # Saving a large state after a signal may take longer than torchrun's default of half a minute.
    command += [f"--shutdown-timeout={round(task.hang_seconds)}"]
    command += ["-m", "shallowsight.train", str(path)]
    log.info("starting %d processes", count)
    # The processes set their threads themselves; without this variable torchrun logs that it has chosen a number.
    environment = os.environ | {"OMP_NUM_THREADS": str(task.threads)} | variables
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    failures: list[ShallowsightError] = []
    # In its own session: otherwise torchrun would get a Ctrl-C twice, from the terminal and from this process, and the
    # second one would end it before the state is saved.
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=die_with_parent,
    ) as running:
        assert running.stdout is not None
        # On GPUs, processes that wait in a collective for the failed one notice neither its end nor torchrun's SIGTERM.
        ending = threading.Timer(_LAST_SECONDS, running.kill)
        try:
            with _passing_on_stops(running):
                for line in running.stdout:
                    _hear(line.rstrip(), said, failures, on_update, on_state)
                    if ending.ident is None and not all(isinstance(each, Interrupted) for each in failures):
                        ending.start()
        except BaseException:
            running.kill()  # without saving a state, because another machine may be writing the states
            raise
        finally:
            ending.cancel()
    if running.returncode == 0:
        return
    if failures:
        raise failures[0]
    what = f"training with {count} processes ended with status {running.returncode}"
    raise ShallowsightError(f"{what}:\n{last_words(said)}")


def _hear(
    line: str, said: "deque[str]", failures: list[ShallowsightError], on_update: OnUpdate, on_state: OnState
) -> None:
    found, failure = read_message(line), failure_in(line)
    if UPDATE in found:
        on_update(UpdateRecord(**found[UPDATE]), found["updates"])
    elif STATE in found:
        on_state(found[STATE], found["saved"])
    elif failure is not None:
        failures.append(failure)
    else:
        log.info("%s", line)
        said.append(line)


@contextmanager
def _passing_on_stops(running: "subprocess.Popen[str]") -> Iterator[None]:
    """Pass SIGTERM and SIGINT on to torchrun, whose processes save their state; no effect outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {
        number: signal.signal(number, lambda *_: running.terminate()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
