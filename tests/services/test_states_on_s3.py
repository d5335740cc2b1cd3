"""Unfinished trainings in a real S3 store: another machine goes on, and a store that is away costs nothing but time."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET, Server
from stage_runs import (
    HOLD_UNTIL_STOPPED,
    LONG,
    finish,
    kill,
    log_of,
    losses,
    meddling,
    result,
    start,
    updates_of,
    wait_for,
)

from shallowsight.store.objects.opening import open_objects
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.state import KEEP, MANIFEST

pytestmark = pytest.mark.slow

Make = Callable[..., ProcessTask]
UPDATES = 12


@pytest.fixture
def on_s3(resumable: Make) -> Make:
    """Equal names are equal states: two folders are two machines."""
    place = uuid4().hex

    def make(name: str, folder: str) -> ProcessTask:
        made = resumable(folder, updates=UPDATES)
        return made.model_copy(update={"states": f"s3://{BUCKET}/{place}", "state_key": f"training_state/{name}"})

    return make


def manifests(job: ProcessTask) -> list[str]:
    assert job.states is not None
    return [key for key in open_objects(job.states).keys(f"{job.state_key}/") if key.endswith(MANIFEST)]


def killed_with_states(job: ProcessTask, processes: int, folder: Path) -> None:
    """After the fourth update, whose state is whole."""
    process = start(job, processes, **meddling(folder, 4))
    wait_for(lambda: max(manifests(job), default="").endswith(f"update-{4:08}/{MANIFEST}"), "the state", process)
    kill(process)


@pytest.mark.parametrize("processes", [1, 2])
def test_another_machine_continues(s3: Server, on_s3: Make, calm: Make, tmp_path: Path, processes: int) -> None:
    here, there = on_s3("one", "here"), on_s3("one", "there")
    killed_with_states(here, processes, tmp_path)
    finish(there, processes)
    assert "continuing after update 4" in log_of(there)
    assert updates_of(there)[0] == 5 and result(there) == result(calm(processes, UPDATES))


def test_old_states_are_pruned(s3: Server, on_s3: Make) -> None:
    job = on_s3("one", "here")
    finish(job, 1)
    kept = open_objects(str(job.states)).keys(f"{job.state_key}/")
    assert len([key for key in kept if key.endswith(MANIFEST)]) == KEEP
    # And no parts of states that are gone.
    assert {key.split("/")[2] for key in kept} == {key.split("/")[2] for key in kept if key.endswith(MANIFEST)}


def start_in_the_middle(job: ProcessTask, folder: Path, change: Callable[[], None]) -> "subprocess.Popen[bytes]":
    """A training that has seen a change after its fifth update."""
    go = folder / "go"
    process = start(job, 1, **meddling(folder, 5, f"while not os.path.exists({str(go)!r}): time.sleep(0.01)"))
    wait_for(lambda: len(updates_of(job)) >= 5, "five updates", process)
    change()
    go.touch()
    return process


def test_a_store_that_comes_back_is_waited_for(
    s3: Server, proxy: FaultyProxy, on_s3: Make, calm: Make, tmp_path: Path
) -> None:
    job = on_s3("one", "here")
    faults = iter(["SlowDown 503"] * 3 + ["drop"] * 2)

    def ail() -> None:
        proxy.rule = lambda method, path: next(faults, None)

    process = start_in_the_middle(job, tmp_path, ail)
    assert process.wait(timeout=LONG) == 0, log_of(job)
    assert next(faults, None) is None, "all of them were met"
    assert "was not saved" not in log_of(job) and result(job) == result(calm(1, UPDATES))


def test_a_store_that_stays_away_costs_the_states(
    s3: Server, proxy: FaultyProxy, on_s3: Make, calm: Make, tmp_path: Path
) -> None:
    job = on_s3("one", "here").model_copy(update={"patience": 0.5})

    def leave() -> None:
        proxy.rule = lambda method, path: "drop"

    process = start_in_the_middle(job, tmp_path, leave)
    assert process.wait(timeout=LONG) == 0, log_of(job)
    assert "was not saved: " in log_of(job) and result(job) == result(calm(1, UPDATES))


def test_a_store_that_is_away_at_the_start_says_so(s3: Server, proxy: FaultyProxy, on_s3: Make) -> None:
    job = on_s3("one", "here").model_copy(update={"patience": 0.5})
    proxy.rule = lambda method, path: "drop"
    process = start(job, 1)
    assert process.wait(timeout=LONG) == 1
    assert proxy.url.removeprefix("http://") in log_of(job) and "Traceback" not in log_of(job)


def test_a_flipped_byte_in_the_store(s3: Server, on_s3: Make, calm: Make, tmp_path: Path) -> None:
    job = on_s3("one", "here")
    killed_with_states(job, 1, tmp_path)
    objects = open_objects(str(job.states))
    place = max(manifests(job)).rpartition("/")[0]
    part = next(key for key in objects.keys(f"{place}/") if not key.endswith(MANIFEST))
    data = bytearray(objects.get_bytes(part) or b"")
    data[len(data) // 2] ^= 1
    objects.put_bytes(part, bytes(data))
    finish(job, 1)
    assert f"the state {place.rpartition('/')[2]} is not used: " in log_of(job)
    assert result(job) == result(calm(1, UPDATES))


def test_sigterm_saves_to_the_store(s3: Server, on_s3: Make, tmp_path: Path) -> None:
    job = on_s3("one", "here").model_copy(update={"save_seconds": 3600.0})
    process = start(job, 1, **meddling(tmp_path, 3, HOLD_UNTIL_STOPPED))
    wait_for(lambda: len(updates_of(job)) >= 3, "three updates", process)
    assert kill(process, signal.SIGTERM) == 4
    assert len(manifests(job)) == 1
    there = on_s3("one", "there")
    finish(there, 1)
    assert len(losses(there)) == UPDATES
    assert Path(there.out / "losses.jsonl").exists()
