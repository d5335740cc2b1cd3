"""What a stage of training left, and the weights that it began with."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import tower_of_width

from shallowsight.data.learning import LEARNING
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment
from shallowsight.train.parts import LOSSES
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage

Run = Callable[..., Path]


def losses(out: Path) -> list[float]:
    rows = [json.loads(line) for line in (out / LOSSES).read_text(encoding="utf-8").splitlines()]
    assert [row["update"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["loss"] for row in rows]


def sums(out: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(out.glob("*.safetensors"))}


def fresh(experiment: Experiment, width: int, tokenizer: Any) -> dict[str, torch.Tensor]:
    torch.manual_seed(experiment.seed)
    return {name: p.detach() for name, p in VLM(experiment, tower_of_width(width), tokenizer).named_parameters()}


def require_equal_bytes_after_a_resume(
    make_job: Callable[..., ProcessTask], tmp_path: Path, changes: dict[str, Any]
) -> None:
    """Of a stage that stops after its fourth update, with a state after each."""
    whole = make_job(**changes)
    run_stage(whole, lambda *_: None)
    stopped = make_job(**changes).model_copy(update={"states": f"file://{tmp_path}", "save_seconds": 1e-6})

    class Enough(Exception):
        pass

    def stop(record: Any, updates: int) -> None:
        if record.update == 4:
            raise Enough

    with pytest.raises(Enough):
        run_stage(stopped, stop)
    torch.manual_seed(12345)
    run_stage(stopped, lambda *_: None)
    assert (stopped.out / LOSSES).read_text() == (whole.out / LOSSES).read_text()
    assert (stopped.out / LEARNING).read_text() == (whole.out / LEARNING).read_text()
    assert sums(stopped.out) == sums(whole.out)
