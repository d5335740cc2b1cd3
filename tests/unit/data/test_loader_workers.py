"""The processes that make batches ahead: they outlive a stop of their own, and end with their loader."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
from made_up import ALONE, PAD, UPDATES, Numbers, example, names_in, stored, workers_of

from shallowsight.data.batches import Batches
from shallowsight.data.examples import Examples
from shallowsight.data.loading import Loader


@pytest.fixture
def examples(tmp_path: Path) -> Examples:
    return stored([example(number) for number in range(24)], tmp_path)


def _stopped_as_a_group(examples: Examples, ready: "multiprocessing.connection.Connection") -> None:
    os.setsid()
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))  # as train/keeper.py does
    loader = Loader(Batches(examples, Numbers(), 8, 0, PAD), ALONE, 0, UPDATES, workers=2)
    for _ in range(2):
        list(loader.next_update())  # one by each worker
    ready.send("up")
    while not asked:
        time.sleep(0.01)
    time.sleep(0.3)
    for _ in range(20):
        list(loader.next_update())
    ready.send("read on")


def test_workers_live_on_when_their_process_is_asked_to_stop(examples: Examples) -> None:
    """torchrun sends SIGTERM to the whole group of each process; it must still end its update and save."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_stopped_as_a_group, args=(examples, theirs))
    process.start()
    try:
        assert ours.poll(20) and ours.recv() == "up"
        os.killpg(process.pid, signal.SIGTERM)
        assert ours.poll(20) and ours.recv() == "read on"
        process.join(20)
        assert process.exitcode == 0
    finally:
        process.kill()


def test_workers_end_with_their_loader(examples: Examples) -> None:
    loader = Loader(Batches(examples, Numbers(), 8, 0, PAD), ALONE, 0, UPDATES, workers=2)
    list(loader.next_update())
    pids = workers_of(loader)
    assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    del loader
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.parametrize("names", [[1, 3, 5], [0, 2, 4]], ids=["text alone", "pictures"])
def test_batches_of_one_kind_pass_between_processes(tmp_path: Path, names: list[int]) -> None:
    examples = stored([example(n) for n in names], tmp_path)
    loader = Loader(Batches(examples, Numbers(), 3, 0, PAD), ALONE, 0, 3, workers=2)
    for _ in range(3):
        (batch,) = loader.next_update()
        assert sorted(names_in(batch.ids)) == names and len(batch.pictures) == (0 if 1 in names else 2)
    del loader
