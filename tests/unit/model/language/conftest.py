"""A language model and a tower in folders, to be spoilt."""

import shutil
from pathlib import Path

import pytest
from model_folders import language_folder


@pytest.fixture
def language(tmp_path: Path) -> Path:
    return language_folder(tmp_path / "llama")


@pytest.fixture
def tower(towers: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(towers["clip"], tmp_path / "clip"))
