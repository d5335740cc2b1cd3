"""Synthetic studies, each written and reported once."""

from pathlib import Path

import pytest
from study_builder import FEW, Builder

from shallowsight.report.write import write_report


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete study with its report in `report`."""
    folder = Builder(curves=FEW, seed_sd=0.005, fusion_gain=None).write(tmp_path_factory.mktemp("s") / "planted")
    write_report(folder, folder / "report")
    return folder


@pytest.fixture(scope="session")
def holed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Failures, an unfinished member, no analysis, and a model that answers with markup."""
    folder = Builder(
        curves={'count<img src="x">': FEW["count"]},
        n=60,
        failed={("7", 0): "finetune", ("7", 1): "finetune", ("12", 1): "pretrain"},
        unfinished={("2,7,11:concat", 0)},
        analysis=False,
        prediction="<script>alert(1)</script>",
    ).write(tmp_path_factory.mktemp("s") / "holed")
    write_report(folder, folder / "report")
    return folder
