"""Stages of training on the tiny data: what makes one, and one of each kind that is trained once for a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stages import Run

from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage


@pytest.fixture(scope="module")
def run(make_job: Callable[..., ProcessTask]) -> Run:
    def go(*args: Any, **changes: Any) -> Path:
        made = make_job(*args, **changes)
        run_stage(made, lambda *_: None)
        return made.out

    return go


@pytest.fixture(scope="module")
def pretrained(run: Run) -> Path:
    return run("pretrain")


@pytest.fixture(scope="module")
def finetuned(run: Run, pretrained: Path) -> Path:
    return run("finetune", start=pretrained)
