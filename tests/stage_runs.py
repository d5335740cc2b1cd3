"""Starts, kills and finishes training stages as launchers do: in processes of their own."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from shallowsight.train.job import StageJob
from shallowsight.train.parts import LOSSES
from shallowsight.train.state import MANIFEST


def start(job: StageJob, processes: int, **environment: str) -> "subprocess.Popen[bytes]":
    """Its log is `log` beside `job.out`."""
    folder = job.out.parent
    (folder / "job.json").write_text(job.model_dump_json(), encoding="utf-8")
    launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"] if processes > 1 else []
    return subprocess.Popen(
        [sys.executable, "-m", *launcher, "shallowsight.train", str(folder / "job.json")],
        env=os.environ | environment,
        stdout=(folder / "updates").open("ab"),
        stderr=(folder / "log").open("ab"),
        start_new_session=True,
    )


def finish(job: StageJob, processes: int, **environment: str) -> None:
    process = start(job, processes, **environment)
    assert process.wait(timeout=180) == 0, log_of(job)[-3000:]


def slow_saves(folder: Path) -> dict[str, str]:
    """The environment in which every write to a store takes a while longer, so that a kill finds one under way."""
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'shallowsight.train' in sys.orig_argv:\n"
        "    import time\n"
        "    from shallowsight.services.files import FileObjects\n"
        "    def slowly(write):\n"
        "        return lambda *a: (time.sleep(0.03), write(*a))[1]\n"
        "    FileObjects.put_file = slowly(FileObjects.put_file)\n"
        "    FileObjects.put_bytes = slowly(FileObjects.put_bytes)\n"
    )
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}


def children(process: "subprocess.Popen[bytes]") -> list[int]:
    """The processes that it started, and those that they did."""
    found: list[int] = []
    todo = [process.pid]
    while todo:
        parent = todo.pop()
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            own = [int(pid) for pid in task.read_text().split()]
            found += own
            todo += own
    return found


def kill(process: "subprocess.Popen[bytes]", number: int = signal.SIGKILL) -> int:
    os.killpg(process.pid, number)
    return process.wait(timeout=60)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"{what} never came"
        time.sleep(0.005)


def log_of(job: StageJob) -> str:
    return (job.out.parent / "log").read_text(encoding="utf-8")


def updates_of(job: StageJob) -> list[int]:
    """The updates that were said, in order, by all runs of the job."""
    # Without what follows the last end of a line: a process may just be writing it.
    lines = (job.out.parent / "updates").read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
    return [json.loads(line)["update"]["update"] for line in lines if line.startswith('{"update"')]


def states_folder(job: StageJob) -> Path:
    assert job.states is not None
    return Path(job.states.removeprefix("file://")) / job.state_key


def saved(job: StageJob) -> list[int]:
    """After which updates there is a state with a manifest, in order."""
    return sorted(int(p.parent.name.removeprefix("update-")) for p in states_folder(job).glob(f"update-*/{MANIFEST}"))


def result(job: StageJob) -> dict[str, str]:
    names = [*(p.name for p in job.out.glob("*.safetensors")), LOSSES]
    return {name: hashlib.sha256((job.out / name).read_bytes()).hexdigest() for name in sorted(names)}


def losses(job: StageJob) -> list[dict[str, float]]:
    return [json.loads(line) for line in (job.out / LOSSES).read_text(encoding="utf-8").splitlines()]
