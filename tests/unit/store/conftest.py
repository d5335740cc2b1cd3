"""A store in a folder of the test, and one in a bucket, on two machines."""

from pathlib import Path

import pytest
from mirrored import Bucket

from shallowsight.store.mirror import MirroredStore
from shallowsight.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "study")


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    return Bucket(tmp_path / "bucket")


@pytest.fixture
def here(bucket: Bucket, tmp_path: Path) -> MirroredStore:
    return MirroredStore(bucket, tmp_path / "here")


@pytest.fixture
def there(bucket: Bucket, tmp_path: Path) -> MirroredStore:
    """Another machine."""
    return MirroredStore(bucket, tmp_path / "there")
