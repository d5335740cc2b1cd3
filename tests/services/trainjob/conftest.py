"""A stand-in for a cluster, and a launcher that knows it through a kubeconfig."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_kubernetes import FakeKubernetes
from fake_trainer import FakeTrainer
from launches import Launcher


@pytest.fixture
def cluster() -> Iterator[FakeKubernetes]:
    with FakeKubernetes() as cluster:
        yield cluster


@pytest.fixture
def trainer(cluster: FakeKubernetes) -> FakeTrainer:
    return FakeTrainer(cluster)


@pytest.fixture
def launcher(cluster: FakeKubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launcher:
    return Launcher(cluster, tmp_path, monkeypatch)
