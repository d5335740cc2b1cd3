"""Starts, meddles with, kills and finishes training stages as launchers do: in processes of their own."""

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from shallowsight.data.learning import LEARNING
from shallowsight.train.messages import UPDATE
from shallowsight.train.parts import LOSSES
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage
from shallowsight.train.state import MANIFEST

LONG = 300.0  # seconds; only what is broken takes as long, however busy the machine

# What a training does to itself at one moment, so that no test has to be quick.
HOLD = "time.sleep(900)"
HOLD_UNTIL_STOPPED = "while not self._stop.asked: time.sleep(0.01)"
_MEDDLE = """
import sys
if "shallowsight.train" in sys.orig_argv and "torch.distributed.run" not in sys.orig_argv:
    import multiprocessing, os, signal, time
    from shallowsight.store.objects.folder import FileObjects
    from shallowsight.train.keeper import Keeper
    update, in_save, rank = {update}, {in_save}, {rank}
    after_update, put_bytes = Keeper.after_update, FileObjects.put_bytes
    def meddle(self):
        if rank is None or os.environ.get("RANK", "0") == str(rank):
            {what}
    def after(self, record):
        after_update(self, record)
        if record.update == update and not in_save:
            meddle(self)
    def put(self, key, data):
        if f"/update-{{update:08}}/" in key and in_save:
            meddle(self)
        put_bytes(self, key, data)
    Keeper.after_update, FileObjects.put_bytes = after, put
"""


def start(job: ProcessTask, processes: int, **environment: str) -> "subprocess.Popen[bytes]":
    """Its log is `log` beside `job.out`."""
    folder = job.out.parent
    (folder / "job.json").write_text(job.model_dump_json(), encoding="utf-8")
    launcher = []
    if processes > 1:
        launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        launcher += [f"--shutdown-timeout={round(job.hang_seconds)}", "-m"]  # as train.launch has it
    return subprocess.Popen(
        [sys.executable, "-m", *launcher, "shallowsight.train", str(folder / "job.json")],
        env=os.environ | environment,
        stdout=(folder / "updates").open("ab"),
        stderr=(folder / "log").open("ab"),
        start_new_session=True,
    )


def finish(job: ProcessTask, processes: int) -> None:
    """Train to the end; one process is this one, because it starts sooner."""
    if processes > 1:
        process = start(job, processes)
        assert process.wait(timeout=LONG) == 0, log_of(job)[-3000:]
        return
    with _logged(job), (job.out.parent / "updates").open("a", encoding="utf-8") as updates:
        run_stage(job, lambda record, _: print(json.dumps({UPDATE: asdict(record)}), file=updates))


@contextmanager
def _logged(job: ProcessTask) -> Iterator[None]:
    """What is said at the level of a training goes to its log."""
    ours, log = logging.getLogger("shallowsight"), logging.FileHandler(job.out.parent / "log")
    before = ours.level
    ours.setLevel(logging.INFO)
    ours.addHandler(log)
    try:
        yield
    finally:
        ours.setLevel(before)
        ours.removeHandler(log)
        log.close()


def meddling(
    folder: Path, update: int, what: str = HOLD, *, in_save: bool = False, rank: int | None = None
) -> dict[str, str]:
    """The environment in which a training does something to itself.

    After an update and its state; or `in_save`, when that state is written but for its manifest (by the leader, to a
    folder). `rank` is who does it, None: everybody.
    """
    code = _MEDDLE.format(update=update, in_save=in_save, rank=rank, what=what)
    return first_of_all(folder, code)


def first_of_all(folder: Path, code: str) -> dict[str, str]:
    """The environment in which every Python process runs some code before its own; with what is importable here."""
    (folder / "sitecustomize.py").write_text(textwrap.dedent(code), encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}


def kill(process: "subprocess.Popen[bytes]", number: int = signal.SIGKILL) -> int:
    os.killpg(process.pid, number)
    return process.wait(timeout=LONG)


def wait_for(condition: Callable[[], bool], what: str, *processes: "subprocess.Popen[bytes]") -> None:
    """Of processes that bring it about; fails at once when one of them ends before."""
    until = time.monotonic() + LONG
    while True:
        ended = [process.returncode for process in processes if process.poll() is not None]
        if condition():
            return
        assert not ended, f"{what} never came: a process ended with status {ended[0]}"
        assert time.monotonic() < until, f"{what} never came"
        time.sleep(0.02)


def log_of(job: ProcessTask) -> str:
    return (job.out.parent / "log").read_text(encoding="utf-8")


def updates_of(job: ProcessTask) -> list[int]:
    """The updates that were said, in order, by all runs of the job."""
    # Without what follows the last end of a line: a process may just be writing it.
    lines = (job.out.parent / "updates").read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
    return [json.loads(line)["update"]["update"] for line in lines if line.startswith('{"update"')]


def states_folder(job: ProcessTask) -> Path:
    assert job.states is not None
    return Path(job.states.removeprefix("file://")) / job.state_key


def saved(job: ProcessTask) -> list[int]:
    """After which updates there is a state with a manifest, in order."""
    return sorted(int(p.parent.name.removeprefix("update-")) for p in states_folder(job).glob(f"update-*/{MANIFEST}"))


def result(job: ProcessTask) -> dict[str, str]:
    names = [*(p.name for p in job.out.glob("*.safetensors")), LOSSES, LEARNING]
    return {name: hashlib.sha256((job.out / name).read_bytes()).hexdigest() for name in sorted(names)}


def losses(job: ProcessTask) -> list[dict[str, float]]:
    return [json.loads(line) for line in (job.out / LOSSES).read_text(encoding="utf-8").splitlines()]
