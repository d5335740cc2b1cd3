"""A training that dies anywhere continues to the very bytes of one that never did."""

import logging
import random
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from among_two import FIRST_STOP, GROUPS, LEARNED, MOVED, MUON, SECOND_STOP, UPDATES, AmongTwo
from stage_runs import (
    HOLD_UNTIL_STOPPED,
    finish,
    kill,
    log_of,
    losses,
    meddling,
    result,
    saved,
    start,
    states_folder,
    updates_of,
    wait_for,
)
from tiny_training import in_folder

from shallowsight.errors import Interrupted
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage
from shallowsight.train.state import MANIFEST

pytestmark = pytest.mark.slow

ENDS = 5  # updates after which, at the latest, each run of a hunted training ends
# Each of Muon and ZeRO 2 in one process and in two, alone and with a fusion that learns. AdamW without ZeRO in one
# process and in two is what the stops by a signal and the broken states below continue.
WAYS = [
    pytest.param(0, 1, MUON | LEARNED, id="muon-1-mmfuser"),
    pytest.param(0, 2, MUON, id="muon-2"),
    pytest.param(2, 1, GROUPS, id="zero2-1-groups"),
    pytest.param(2, 2, GROUPS | LEARNED, id="zero2-2-mmfuser-groups"),
]

Make = Callable[..., ProcessTask]


@pytest.fixture
def job(resumable: Make) -> Make:
    return partial(resumable, updates=UPDATES)


def _begun(job: ProcessTask, update: int) -> bool:
    """Its state is written but for the manifest."""
    folder = states_folder(job) / f"update-{update:08}"
    return any(folder.glob("*.safetensors")) and not (folder / MANIFEST).exists()


@pytest.mark.parametrize(("zero", "processes", "groups"), WAYS)
def test_kill_anywhere(
    job: Make, calm: Make, among_two: AmongTwo, tmp_path: Path, zero: int, processes: int, groups: dict[str, Any]
) -> None:
    """At any moment, and what goes on from there in the middle of a save."""
    hunted, chance = job("hunted", finetune__zero=zero, **groups), random.Random(f"{zero}-{processes}")
    reached = [0]
    for number in range(2):
        last = reached[-1] + ENDS
        process = start(hunted, processes, **meddling(tmp_path, last, in_save=True))
        if number == 0:
            wait_for(lambda: bool(saved(hunted)), "a state", process)
            time.sleep(chance.uniform(0.0, 0.1))
        else:
            wait_for(partial(_begun, hunted, last), "a save", process)
        assert process.poll() is None, log_of(hunted)[-2000:]
        kill(process)
        reached.append(saved(hunted)[-1])
    assert reached == sorted(set(reached)) and reached[-1] < UPDATES
    assert _begun(hunted, reached[-1] + 1), "the last kill hit a save"
    finish(hunted, processes)
    assert log_of(hunted).count("continuing after update") >= 2
    changes = {"finetune__zero": zero, **groups}
    expected = calm(1, UPDATES, **changes) if processes == 1 else among_two.calm(**changes)
    assert result(hunted) == result(expected)


@pytest.fixture(scope="module")
def killed(make_job: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that was killed with two states."""
    folder = tmp_path_factory.mktemp("killed")
    job = in_folder(make_job, folder / "stage", UPDATES, finetune__zero=0)
    process = start(job, 1, **meddling(folder, 6))
    wait_for(lambda: saved(job) == [5, 6], "two states", process)
    kill(process)
    return folder / "stage"


@pytest.mark.parametrize("fault", ["flipped byte", "cut off", "missing file", "manifest cut off", "no manifest"])
def test_a_broken_state_sends_it_back_to_the_one_before(
    killed: Path, job: Make, calm: Make, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    hurt = job("hurt", finetune__zero=0)
    shutil.copytree(killed, hurt.out.parent, dirs_exist_ok=True)
    older, newest = saved(hurt)
    folder = states_folder(hurt) / f"update-{newest:08}"
    part = max((p for p in folder.iterdir() if p.name != MANIFEST), key=lambda p: p.stat().st_size)
    data = bytearray(part.read_bytes())
    match fault:
        case "flipped byte":
            data[len(data) // 2] ^= 1
            part.write_bytes(bytes(data))
        case "cut off":
            part.write_bytes(bytes(data[: len(data) // 2]))
        case "missing file":
            part.unlink()
        case "manifest cut off":
            text = (folder / MANIFEST).read_text()
            (folder / MANIFEST).write_text(text[: len(text) // 2])
        case "no manifest":
            (folder / MANIFEST).unlink()
    updates: list[int] = []
    with caplog.at_level(logging.INFO):
        run_stage(hurt, lambda record, _: updates.append(record.update))
    assert updates[0] == older + 1
    assert fault == "no manifest" or f"the state update-{newest:08} is not used: " in caplog.text
    assert result(hurt) == result(calm(1, UPDATES, finetune__zero=0))


@pytest.mark.parametrize("processes", [1, 2])
def test_sigterm_saves_and_leaves_with_its_status(
    job: Make, calm: Make, among_two: AmongTwo, tmp_path: Path, processes: int
) -> None:
    stopped = job("stopped", finetune__zero=0).model_copy(update={"save_seconds": 3600.0})
    process = start(stopped, processes, **meddling(tmp_path, 3, HOLD_UNTIL_STOPPED))
    wait_for(lambda: len(updates_of(stopped)) >= 3, "three updates", process)
    status = kill(process, signal.SIGTERM)
    if processes == 1:  # torchrun has a status of its own
        assert status == Interrupted.exit_status
    done = saved(stopped)
    assert len(done) == 1 and done[0] >= 3
    assert f"saved after update {done[0]} of {UPDATES}; the same command continues there" in log_of(stopped)
    finish(stopped, processes)
    assert updates_of(stopped) == list(range(1, UPDATES + 1)), "an update was done twice"
    expected = calm(1, UPDATES, finetune__zero=0) if processes == 1 else among_two.calm(finetune__zero=0)
    assert result(stopped) == result(expected)


@pytest.mark.parametrize("zero", MOVED)
def test_other_numbers_of_processes_continue(among_two: AmongTwo, zero: int) -> None:
    """2 -> 1 -> 2: the same samples in the same order, and the same losses but for rounding."""
    assert among_two.updates_of_one[zero] == list(range(FIRST_STOP + 1, SECOND_STOP + 1))
    expected, found = losses(among_two.calm(finetune__zero=zero)), losses(among_two.moved[zero])
    assert [row["update"] for row in found] == list(range(1, UPDATES + 1))
    assert [row["samples"] for row in found] == [row["samples"] for row in expected]
    # float32 has an epsilon of 1.2e-7, and a loss of about 5 nats is a sum of about 100 terms: one update differs by
    # sqrt(100) * 1.2e-7 * 5 = 6e-6 at the most. AdamW divides gradients by their size, so a parameter whose gradient is
    # nearly nothing may move by a whole step of the rate (1e-2) the other way: allow for twenty times as much.
    assert [row["loss"] for row in found] == pytest.approx([row["loss"] for row in expected], abs=1e-4)
