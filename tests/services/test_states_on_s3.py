"""Unfinished trainings in a real S3 store: another machine goes on, and a store that is away costs nothing but time."""

import signal
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET, Server
from stage_runs import finish, kill, log_of, losses, result, start, updates_of, wait_for

from shallowsight.services.objects import open_objects
from shallowsight.train.job import StageJob
from shallowsight.train.state import KEEP, MANIFEST

pytestmark = pytest.mark.slow

Make = Callable[..., StageJob]


@pytest.fixture
def on_s3(resumable: Make) -> Make:
    """Equal names are equal states: two folders are two machines."""
    place = uuid4().hex

    def make(name: str, folder: str, **changes: object) -> StageJob:
        made = resumable(folder, **changes)
        return made.model_copy(update={"states": f"s3://{BUCKET}/{place}", "state_key": f"training_state/{name}"})

    return make


def manifests(job: StageJob) -> list[str]:
    assert job.states is not None
    return [key for key in open_objects(job.states).keys(f"{job.state_key}/") if key.endswith(MANIFEST)]


@pytest.mark.parametrize("processes", [1, 2])
def test_another_machine_continues(s3: Server, on_s3: Make, resumable: Make, processes: int) -> None:
    calm = resumable("calm")
    finish(calm, processes)
    here, there = on_s3("one", "here"), on_s3("one", "there")
    process = start(here, processes)
    wait_for(lambda: len(manifests(here)) >= KEEP, "two states")
    kill(process)
    finish(there, processes)
    assert "continuing after update" in log_of(there)
    assert updates_of(there)[0] > 1 and result(there) == result(calm)


def test_old_states_are_pruned(s3: Server, on_s3: Make) -> None:
    job = on_s3("one", "here", updates=12)
    finish(job, 1)
    kept = open_objects(str(job.states)).keys(f"{job.state_key}/")
    assert len([key for key in kept if key.endswith(MANIFEST)]) == KEEP
    # And no parts of states that are gone.
    assert {key.split("/")[2] for key in kept} == {key.split("/")[2] for key in kept if key.endswith(MANIFEST)}


def test_a_store_that_comes_back_is_waited_for(s3: Server, proxy: FaultyProxy, on_s3: Make, resumable: Make) -> None:
    calm = resumable("calm")
    finish(calm, 1)
    job = on_s3("one", "here")
    process = start(job, 1)
    wait_for(lambda: len(updates_of(job)) >= 5, "five updates")
    proxy.first(6, "SlowDown 503", method="PUT")
    proxy.first(6, "drop")
    assert process.wait(timeout=120) == 0, log_of(job)
    assert "was not saved" not in log_of(job) and result(job) == result(calm)


def test_a_store_that_stays_away_costs_the_states(s3: Server, proxy: FaultyProxy, on_s3: Make, resumable: Make) -> None:
    calm = resumable("calm", updates=20)
    finish(calm, 1)
    job = on_s3("one", "here", updates=20).model_copy(update={"patience": 0.5})
    process = start(job, 1)
    wait_for(lambda: len(updates_of(job)) >= 5, "five updates")
    proxy.rule = lambda method, path: "drop"
    assert process.wait(timeout=180) == 0, log_of(job)
    assert "was not saved: " in log_of(job) and result(job) == result(calm)


def test_a_store_that_is_away_at_the_start_says_so(s3: Server, proxy: FaultyProxy, on_s3: Make) -> None:
    job = on_s3("one", "here").model_copy(update={"patience": 0.5})
    proxy.rule = lambda method, path: "drop"
    process = start(job, 1)
    assert process.wait(timeout=60) == 1
    assert proxy.url.removeprefix("http://") in log_of(job) and "Traceback" not in log_of(job)


def test_a_flipped_byte_in_the_store(s3: Server, on_s3: Make, resumable: Make) -> None:
    calm = resumable("calm")
    finish(calm, 1)
    job = on_s3("one", "here")
    process = start(job, 1)
    wait_for(lambda: len(manifests(job)) >= KEEP, "two states")
    kill(process)
    objects = open_objects(str(job.states))
    place = max(manifests(job)).rpartition("/")[0]
    part = next(key for key in objects.keys(f"{place}/") if not key.endswith(MANIFEST))
    data = bytearray(objects.get_bytes(part) or b"")
    data[len(data) // 2] ^= 1
    objects.put_bytes(part, bytes(data))
    finish(job, 1)
    assert f"the state {place.rpartition('/')[2]} is not used: " in log_of(job)
    assert result(job) == result(calm)


def test_sigterm_saves_to_the_store(s3: Server, on_s3: Make) -> None:
    job = on_s3("one", "here").model_copy(update={"save_seconds": 3600.0})
    process = start(job, 1)
    wait_for(lambda: len(updates_of(job)) >= 3, "three updates")
    assert kill(process, signal.SIGTERM) == 4
    assert len(manifests(job)) == 1
    there = on_s3("one", "there")
    finish(there, 1)
    assert len(losses(there)) == 60
    assert Path(there.out / "losses.jsonl").exists()
