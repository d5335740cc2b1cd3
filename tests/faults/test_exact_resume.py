"""A training that dies anywhere continues to the very bytes of one that never did."""

import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from stage_runs import (
    finish,
    kill,
    log_of,
    losses,
    result,
    saved,
    slow_saves,
    start,
    states_folder,
    updates_of,
    wait_for,
)

from shallowsight.errors import Interrupted
from shallowsight.train.job import StageJob
from shallowsight.train.state import MANIFEST

pytestmark = pytest.mark.slow

UPDATES = 60
KILLS = 5  # of each kind of run; four kinds make twenty
WAYS = [pytest.param(zero, processes, id=f"zero{zero}-{processes}") for zero in (0, 2) for processes in (1, 2)]

Make = Callable[..., StageJob]


@pytest.fixture
def job(resumable: Make) -> Make:
    return resumable


def _beyond(job: StageJob, update: int) -> bool:
    return (saved(job) or [0])[-1] > update


def _saving(job: StageJob) -> bool:
    """A state is begun and has no manifest yet."""
    begun = [folder for folder in states_folder(job).glob("update-*") if not (folder / MANIFEST).exists()]
    return any(folder.name > f"update-{saved(job)[-1]:08}" for folder in begun)


def _reached(job: StageJob, updates: int) -> bool:
    return len(updates_of(job)) >= updates


@pytest.mark.parametrize(("zero", "processes"), WAYS)
def test_kill_anywhere(job: Make, tmp_path: Path, zero: int, processes: int) -> None:
    calm = job("calm", finetune__zero=zero)
    finish(calm, processes)

    hunted, slowly = job("hunted", finetune__zero=zero), slow_saves(tmp_path)
    chance = random.Random(f"{zero}-{processes}")
    reached, torn = [0], 0
    for number in range(KILLS):
        process = start(hunted, processes, **slowly)
        wait_for(partial(_beyond, hunted, reached[-1]), "a state")
        if number % 2:
            time.sleep(chance.uniform(0.0, 0.1))
        else:
            wait_for(partial(_saving, hunted), "a save")
        assert process.poll() is None, log_of(hunted)[-2000:]
        kill(process)
        torn += _saving(hunted)
        reached.append(saved(hunted)[-1])
    finish(hunted, processes)
    assert reached == sorted(reached) and reached[-1] < UPDATES
    assert torn, "no kill hit a save"
    assert log_of(hunted).count("continuing after update") >= KILLS
    assert result(hunted) == result(calm)


@pytest.mark.parametrize("fault", ["flipped byte", "cut off", "missing file", "manifest cut off", "no manifest"])
def test_a_broken_state_sends_it_back_to_the_one_before(job: Make, fault: str) -> None:
    calm = job("calm")
    finish(calm, 1)
    hurt = job("hurt")
    process = start(hurt, 1)
    wait_for(lambda: len(saved(hurt)) == 2 and saved(hurt)[0] > 3, "two states")
    kill(process)
    older, newest = saved(hurt)[-2:]
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
    said = len(updates_of(hurt))
    finish(hurt, 1)
    assert updates_of(hurt)[said] == older + 1
    assert fault == "no manifest" or f"the state update-{newest:08} is not used: " in log_of(hurt)
    assert result(hurt) == result(calm)


@pytest.mark.parametrize("processes", [1, 2])
def test_sigterm_saves_and_leaves_with_its_status(job: Make, processes: int) -> None:
    stopped = job("stopped").model_copy(update={"save_seconds": 3600.0})
    process = start(stopped, processes)
    wait_for(lambda: len(updates_of(stopped)) >= 3, "three updates")
    asked = time.monotonic()
    status = kill(process, signal.SIGTERM)
    assert time.monotonic() - asked < 15
    if processes == 1:  # torchrun has a status of its own
        assert status == Interrupted.exit_status
    done = saved(stopped)
    assert len(done) == 1 and done[0] >= 3
    assert f"saved after update {done[0]} of {UPDATES}; the same command continues there" in log_of(stopped)
    calm = job("calm")
    finish(calm, processes)
    finish(stopped, processes)
    assert updates_of(stopped) == list(range(1, UPDATES + 1)), "an update was done twice"
    assert result(stopped) == result(calm)


@pytest.mark.parametrize("zero", [0, 1, 2, 3])
def test_other_numbers_of_processes_continue(job: Make, zero: int) -> None:
    """2 -> 1 -> 2: the same samples in the same order, and the same losses but for rounding."""
    calm = job("calm", finetune__zero=zero)
    finish(calm, 2)
    moved = job("moved", finetune__zero=zero).model_copy(update={"save_seconds": 3600.0})
    for processes, enough in ((2, 20), (1, 40)):
        process = start(moved, processes)
        wait_for(partial(_reached, moved, enough), f"update {enough}")
        kill(process, signal.SIGTERM)
    finish(moved, 2)
    assert updates_of(moved) == list(range(1, UPDATES + 1))
    expected, found = losses(calm), losses(moved)
    assert [row["samples"] for row in found] == [row["samples"] for row in expected]
    assert [row["loss"] for row in found] == pytest.approx([row["loss"] for row in expected], abs=1e-4)
