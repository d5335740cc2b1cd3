"""The data step on a user's files, which a test may spoil first."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spoiling import Run

from shallowsight.data.prepare import prepare
from shallowsight.study.experiment import Experiment


@pytest.fixture
def files(prepared: Any, tmp_path: Path) -> Path:
    """A copy of the user's files, to be spoilt."""
    return Path(shutil.copytree(prepared.files, tmp_path / "files"))


@pytest.fixture
def run(files: Path, tmp_path: Path, small: Callable[..., Experiment]) -> Run:
    def go(**changes: Any) -> Path:
        experiment = small(
            **{
                "data__finetune": [str(files / "train.json")],
                "data__test": [str(files / "test.json")],
                "data__images": str(files / "images"),
            }
            | changes
        )
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        (tmp_path / "out").mkdir()
        prepare(experiment, tmp_path / "out", tmp_path / "work", tmp_path / "verdicts", None, lambda *_: None)
        return tmp_path / "out"

    return go
