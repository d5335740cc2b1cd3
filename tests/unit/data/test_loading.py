"""Batches that are made ahead are the same ones, and a worker that dies says so."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from made_up import ALONE, PAD, UPDATES, Numbers, example, slowly, stored, workers_of
from torch.utils.data import dataloader

from shallowsight.data.batches import Batch, Batches, Share
from shallowsight.data.examples import Examples
from shallowsight.data.features import FeatureSource
from shallowsight.data.loading import Loader
from shallowsight.errors import ConfigurationError, ShallowsightError

Build = Callable[..., Loader]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return stored([example(number) for number in range(24)], tmp_path_factory.mktemp("examples"))


@pytest.fixture
def build(examples: Examples) -> Iterator[Build]:
    made: list[Loader] = []

    def make(
        source: FeatureSource | None = None,
        *,
        share: Share = ALONE,
        first: int = 0,
        updates: int = UPDATES,
        workers: int = 0,
        row_tokens: int | None = None,
    ) -> Loader:
        batches = Batches(examples, source or Numbers(), 8, 0, PAD, row_tokens=row_tokens)
        made.append(Loader(batches, share, first, updates, workers))
        return made[-1]

    yield make
    for loader in made:
        if isinstance(loader._numbers, dataloader._MultiProcessingDataLoaderIter):
            # A fault that torch passes on holds the loader; left to the collector, each worker would take 5 seconds.
            loader._numbers._shutdown_workers()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch looks every five seconds whether its workers live."""
    assert dataloader._MultiProcessingDataLoaderIter._try_get_data.__defaults__ == (5.0,)
    monkeypatch.setattr(dataloader._MultiProcessingDataLoaderIter._try_get_data, "__defaults__", (0.3,))


def equal(a: Batch, b: Batch) -> bool:
    tensors = [(*batch.pictures, batch.ids, batch.mask, batch.labels) for batch in (a, b)]
    assert (a.positions is None) is (b.positions is None)
    if a.positions is not None and b.positions is not None:
        tensors = [(*tensors[0], a.positions), (*tensors[1], b.positions)]
    return a.supervised == b.supervised and all(torch.equal(x, y) for x, y in zip(*tensors, strict=True))


@pytest.mark.parametrize("row_tokens", [None, 20], ids=["a row each", "packed"])
@pytest.mark.parametrize("share", [ALONE, Share(1, 2, 2)], ids=["alone", "among two"])
def test_workers_change_nothing(build: Build, share: Share, row_tokens: int | None) -> None:
    here, ahead = (build(share=share, updates=7, workers=n, row_tokens=row_tokens) for n in (0, 2))
    for _ in range(7):
        own, others = list(here.next_update()), list(ahead.next_update())
        assert len(own) == len(others) == share.accumulation
        assert all(equal(a, b) for a, b in zip(own, others, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_begins_where_a_resumed_stage_does(build: Build, workers: int) -> None:
    share = Share(0, 2, 2)
    whole = build(share=share, updates=6)
    expected = [list(whole.next_update()) for _ in range(6)][4:]
    later = build(share=share, first=4, updates=6, workers=workers)
    for update in expected:
        found = list(later.next_update())
        assert all(equal(a, b) for a, b in zip(update, found, strict=True)) and len(found) == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stage_that_was_stopped_after_its_last_update_reads_nothing(build: Build, workers: int) -> None:
    def fail() -> None:
        raise AssertionError("a batch was made")

    assert next(build(Numbers(fail), first=5, updates=5, workers=workers)._numbers, None) is None


def test_waiting_is_measured(build: Build) -> None:
    loader = build(slowly(0.05), share=Share(0, 1, 2))
    assert loader.waited == 0.0
    list(loader.next_update())
    first = loader.waited
    assert 0.1 <= first < 1
    list(loader.next_update())
    assert 0.1 <= loader.waited < first + 0.1, "of the last update alone"


def test_computing_is_not_waiting(build: Build) -> None:
    loader = build()
    for _ in loader.next_update():
        time.sleep(0.2)
    assert loader.waited < 0.1


def test_work_ahead_saves_waiting(build: Build) -> None:
    """Compared in one run, because both wait longer beside other load."""

    def waited(workers: int) -> float:
        loader = build(slowly(0.1), workers=workers)
        list(loader.next_update())
        total = 0.0
        for _ in range(4):
            time.sleep(0.3)
            list(loader.next_update())
            total += loader.waited
        return total

    assert waited(workers=2) < 0.75 * waited(workers=0)


def fault(loader: Loader) -> tuple[type[Exception], str]:
    """What ends the reading, without the frames that hold the loader."""
    try:
        for _ in range(UPDATES):
            list(loader.next_update())
    except Exception as error:
        return type(error), str(error)
    raise AssertionError("all batches were read")


def test_a_worker_that_was_killed_is_named(build: Build) -> None:
    loader = build(slowly(0.01), workers=2)
    list(loader.next_update())
    (victim, _) = workers_of(loader)
    os.kill(victim, signal.SIGKILL)
    kind, said = fault(loader)
    assert kind is ShallowsightError
    assert re.match(r"a data worker died \(.+\); if its machine ran out of memory, use fewer workers$", said)
    assert str(victim) in said or "its batch broke off" in said or "Connection" in said


@pytest.mark.parametrize(
    ("error", "says"),
    [(EOFError, []), (ConnectionResetError, [104, "Connection reset"]), (ConnectionRefusedError, [111, "Refused"])],
)
def test_a_worker_that_dies_while_it_hands_a_batch_over(build: Build, error: type[Exception], says: list[Any]) -> None:
    """What torch then raises now and then: the other end of a socket is gone before the process is."""
    loader = build(workers=2)
    own = loader._numbers._data_queue

    class Broken:
        def get(self, timeout: float) -> object:
            raise error(*says)

    loader._numbers._data_queue = Broken()
    kind, said = fault(loader)
    loader._numbers._data_queue = own
    assert kind is ShallowsightError and re.match(r"a data worker died \(.+\); if", said)


def test_a_worker_that_is_killed_during_the_computation_is_named_when_data_is_asked_for(build: Build) -> None:
    """torch would raise in the middle of whatever this process happens to do, and no one would know the error."""
    loader = build(slowly(0.01), workers=2)
    list(loader.next_update())
    os.kill(workers_of(loader)[1], signal.SIGKILL)
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        sum(range(1000))
    kind, said = fault(loader)
    assert kind is ShallowsightError and said.startswith("a data worker died (")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (KeyError, "gone.png"),
        (RuntimeError, "mat1 and mat2 cannot be multiplied"),
        (EOFError, "a picture that is cut"),
        (ConfigurationError, "no such picture"),
    ],
)
def test_a_fault_of_ours_is_not_a_dead_worker(build: Build, error: type[Exception], says: str, workers: int) -> None:
    def fail() -> None:
        raise error(says)

    kind, said = fault(build(Numbers(fail), workers=workers))
    assert kind is error and says in said and "a data worker died" not in said
