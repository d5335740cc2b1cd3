"""A store in a folder of the test."""

from pathlib import Path

import pytest

from shallowsight.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "study")
