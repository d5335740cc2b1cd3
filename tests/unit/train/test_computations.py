"""How a training is computed is fixed when it begins, goes with its states, and is said beside what it leaves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from shallowsight.model.checkpoint import LANGUAGE
from shallowsight.model.threads import threads_of
from shallowsight.store.computation import Computation, take_note
from shallowsight.train.parts import LOSSES
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage

Make = Callable[..., ProcessTask]


class Enough(Exception):
    pass


@pytest.fixture
def job(make_job: Make, tmp_path: Path) -> Callable[..., ProcessTask]:
    """Six updates, and a state after each."""

    def make(name: str, threads: int, **changes: Any) -> ProcessTask:
        states = {"states": f"file://{tmp_path}/{name}", "save_seconds": 1e-9, "threads": threads}
        return make_job(finetune__updates=6, **changes).model_copy(update=states)

    return make


def run(job: ProcessTask, until: int = 6) -> None:
    def stop(record: Any, updates: int) -> None:
        if record.update > until:
            raise Enough

    run_stage(job, stop)


def result(job: ProcessTask) -> list[bytes]:
    return [(job.out / name).read_bytes() for name in (LANGUAGE, LOSSES)]


def own(threads: int, passes: int = 1) -> Computation:
    instructions = torch.backends.cpu.get_cpu_capability()
    return Computation(processes=1, threads=threads, passes=passes, instruction_set=instructions, device="cpu")


def test_its_threads_are_its_own(job: Make) -> None:
    """Whatever torch is set to around it, which it leaves as it was."""
    seen, made = [], [job("calm", threads=2), job("busy", threads=2)]
    for around, each in zip((1, 3), made, strict=True):
        with threads_of(around):
            run_stage(each, lambda *_: seen.append(torch.get_num_threads()))
            assert torch.get_num_threads() == around
    assert set(seen) == {2}
    assert result(made[0]) == result(made[1])
    assert [take_note(each.out) for each in made] == [(own(2),)] * 2


def test_it_goes_on_with_the_threads_that_it_began_with(job: Make, caplog: pytest.LogCaptureFixture) -> None:
    calm = job("calm", threads=2)
    run(calm)
    moved = job("moved", threads=2)
    with pytest.raises(Enough):
        run(moved, until=3)
    # Another machine, which would have given it three.
    run(moved.model_copy(update={"threads": 3}))
    assert take_note(moved.out) == (own(2),)
    assert result(moved) == result(calm)
    assert "goes on as" not in caplog.text


def test_what_changes_on_the_way_is_said(job: Make, caplog: pytest.LogCaptureFixture) -> None:
    moved = job("moved", threads=1)
    with pytest.raises(Enough):
        run(moved, until=2)
    with pytest.raises(Enough):
        run(moved.model_copy(update={"accumulation": 2}), until=4)
    run(moved.model_copy(update={"accumulation": 2}))
    assert take_note(moved.out) == (own(1), own(1, passes=2))
    assert caplog.text.count("the same but for rounding") == 1


def test_a_state_that_does_not_say_how_it_was_computed_is_not_used(
    job: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = job("old", threads=1)
    with pytest.raises(Enough):
        run(made, until=2)
    (manifest,) = (tmp_path / "old").rglob("update-00000002/manifest.json")
    manifest.write_text(manifest.read_text().replace('"computed"', '"other"'))
    run(made)
    assert "the state update-00000002 is not used: its manifest cannot be read ('computed')" in caplog.text
