"""The real command line in a process of its own, and what it leaves in a study folder."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shallowsight.store.digest import file_sha256

COMMAND = Path(sys.executable).parent / "shallowsight"
TIMEOUT = 1800  # seconds; a run that needs longer hangs, however busy the machine


def with_set(*words: str) -> tuple[str, ...]:
    """The options that change these values of a study."""
    return tuple(option for word in words for option in ("--set", word))


# The embedded quick study on fewer and smaller pictures: what its boxes do costs less than their start.
QUICKER = (
    "data.scenes_train=60",
    "data.scenes_test=24",  # enough pictures for a p-value
    "data.easy_vqa_train=8",
    "data.easy_vqa_test=6",
    "vision.image_size=84",
    "pretrain.updates=3",
    "finetune.updates=30",
)
QUICK = ("quick", *with_set(*QUICKER))


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str
    seconds: float
    first_line: float  # seconds until something was printed

    @property
    def all(self) -> str:
        return self.out + self.err


def environment() -> dict[str, str]:
    """A user's: without ours, and without what a training in this very process has left."""
    return {k: v for k, v in os.environ.items() if not k.startswith("SHALLOWSIGHT_") and k != "LOCAL_RANK"} | {
        "COLUMNS": "120"
    }


@contextmanager
def start(
    *arguments: str, cwd: Path | None = None, before: Callable[[], None] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """In a process group of its own, as a shell would start it; killed when the block fails, awaited when it ends."""
    with subprocess.Popen(
        [str(COMMAND), *arguments],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        preexec_fn=before,
    ) as process:
        try:
            yield process
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def shallowsight(*arguments: str, cwd: Path | None = None, before: Callable[[], None] | None = None) -> Ended:
    began = time.monotonic()
    with start(*arguments, cwd=cwd, before=before) as process:
        assert process.stdout is not None
        select.select([process.stdout], [], [], TIMEOUT)  # communicate would miss what readline reads ahead
        first_line = time.monotonic() - began
        out, err = process.communicate(timeout=TIMEOUT)
    return Ended(process.returncode, out, err, time.monotonic() - began, first_line)


def ledger(study: Path) -> list[dict[str, Any]]:
    path = study / "ledger.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def named(lines: list[dict[str, Any]], event: str) -> set[str]:
    """`finetune 12`, for every line of that event."""
    return {f"{line['step']} {line['setting'] or ''}".strip() for line in lines if line["event"] == event}


def cells(study: Path) -> dict[str, dict[str, Any]]:
    """`finetune 12` -> its cell.json."""
    found = [json.loads(path.read_text()) for path in study.glob("cells/*/cell.json")]
    return {f"{cell['step']} {cell['setting'] or ''}".strip(): cell for cell in found}


def contents(study: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """`finetune 12` -> digest, and the sha256 of every output as it lies on the disk."""
    return {
        name: (cell["digest"], {o: file_sha256(study / "cells" / cell["digest"] / o) for o in cell["outputs"]})
        for name, cell in cells(study).items()
    }


def folder_of(study: Path, name: str) -> Path:
    return study / "cells" / str(cells(study)[name]["digest"])


def copy_with(study: Path, copy: Path, *names: str) -> Path:
    """A study folder in which nothing but these cells was made, as `study` has them."""
    digests = {str(cells(study)[name]["digest"]) for name in names}
    for digest in digests:
        shutil.copytree(study / "cells" / digest, copy / "cells" / digest)
    shutil.copy(study / "study.json", copy)
    told = (study / "ledger.jsonl").read_text().splitlines(keepends=True)
    (copy / "ledger.jsonl").write_text("".join(line for line in told if json.loads(line)["cell"] in digests))
    return copy


def processes_of(study: Path) -> list[str]:
    """Command lines of living processes that name the study folder or were started for it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            surroundings = (entry / "environ").read_bytes().decode(errors="replace")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        mine = str(study) in command or f"SHALLOWSIGHT_PROGRESS={study}/" in surroundings
        if mine and state != "Z":
            found.append(f"{entry.name}: {command[:150]}")
    return found


def wait_until(fact: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def progressed(study: Path, task: str, done: int = 0) -> bool:
    """True when the display was told that a task whose name begins so came that far."""
    path = study / "progress.jsonl"
    if not path.exists():
        return False
    lines = [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return any(line["task"].startswith(task) and line["done"] >= done for line in lines)
