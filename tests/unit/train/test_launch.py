"""What the launcher makes of trainings that fail, in this process and in others."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from shallowsight.errors import Interrupted, LossNotFinite, OutOfMemory
from shallowsight.model.vlm import VLM
from shallowsight.train.launch import launch, lend
from shallowsight.train.parts import LOSSES
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage

Make = Callable[..., ProcessTask]


def greedy(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """A model that asks the real allocator for the impossible when a micro-batch has more than so many rows."""
    real = VLM.forward

    def forward(self: VLM, features: Any, ids: torch.Tensor, *rest: Any) -> torch.Tensor:
        if len(ids) > rows:
            torch.empty(10**15)
        return real(self, features, ids, *rest)

    monkeypatch.setattr(VLM, "forward", forward)


@pytest.mark.slow
@pytest.mark.parametrize("zero", [0, 2])
def test_too_large_a_micro_batch_is_made_smaller(
    make_job: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, zero: int
) -> None:
    expected = make_job(accumulation=4, finetune__zero=zero)
    run_stage(expected, lambda *_: None)
    greedy(monkeypatch, rows=1)
    made, seen = make_job(finetune__zero=zero), []
    launch(made, 1, lambda record, updates: seen.append(record.update))
    assert seen == [1, 2, 3, 4]
    assert (made.out / LOSSES).read_text() == (expected.out / LOSSES).read_text()
    said = [r.getMessage() for r in caplog.records if "going on with" in r.getMessage()]
    assert [text.rpartition("; ")[2] for text in said] == [
        f"going on with accumulation={n}, the same global batch" for n in (2, 4)
    ]


@pytest.mark.slow
def test_one_sample_at_a_time_is_the_end(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    greedy(monkeypatch, rows=0)
    with pytest.raises(
        OutOfMemory, match=r"accumulation=4: .*can't allocate memory.*; a micro-batch is one sample already"
    ):
        launch(make_job(), 1, lambda *_: None)


def test_another_runtime_error_is_no_lack_of_memory(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(VLM, "forward", broken)
    with pytest.raises(RuntimeError, match="something else"):
        launch(make_job(), 1, lambda *_: None)


@pytest.mark.slow
def test_lack_of_memory_among_processes(
    make_job: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The processes import a module that makes the model greedy before anything else runs."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'shallowsight.train' in sys.orig_argv and 'torch.distributed.run' not in sys.orig_argv:\n"
        "    import torch\n"
        "    from shallowsight.model.vlm import VLM\n"
        "    real = VLM.forward\n"
        "    def forward(self, features, ids, *rest):\n"
        "        if len(ids) > 1: torch.empty(10**15)\n"
        "        return real(self, features, ids, *rest)\n"
        "    VLM.forward = forward\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made, seen = make_job(), []
    launch(made, 2, lambda record, updates: seen.append(record.update))
    assert seen == [1, 2, 3, 4]
    assert "going on with accumulation=2, the same global batch" in caplog.text


def instead_of_torchrun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: str, then: str) -> None:
    """A program whose one process says why it failed, while others are at work."""
    script = tmp_path / "processes"
    script.write_text(f'#!/bin/sh\necho \'{{"failure": "{error}", "message": "why"}}\'\n{then}\n')
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr("shallowsight.train.launch._LAST_SECONDS", 0.3)


def test_processes_that_wait_for_one_that_failed_are_ended(
    make_job: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    instead_of_torchrun(monkeypatch, tmp_path, "LossNotFinite", "exec sleep 3600")
    with pytest.raises(LossNotFinite, match="why"):
        lend(make_job())


@pytest.mark.slow
def test_processes_that_were_stopped_have_their_time_to_save(
    make_job: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    instead_of_torchrun(monkeypatch, tmp_path, "Interrupted", f"sleep 1\ntouch {tmp_path}/saved\nexit 4")
    with pytest.raises(Interrupted, match="why"):
        lend(make_job())
    assert (tmp_path / "saved").exists()
