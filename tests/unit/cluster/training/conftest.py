"""The training step's box, its cluster and its store."""

from pathlib import Path

import pytest
from boxes import Cluster

from shallowsight.store.cells import stage_cell
from shallowsight.store.mirror import MirroredStore
from shallowsight.store.objects.folder import FileObjects
from shallowsight.study.resolved import Resolved


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    found = Cluster()
    monkeypatch.setattr("shallowsight.cluster.kubernetes.connection.connect", lambda namespace: found)
    monkeypatch.setattr(
        "shallowsight.cluster.kubernetes.launcher.run", lambda asked, job, limits, *, say, on_line: asked.run(job)
    )
    monkeypatch.setattr(
        "shallowsight.cluster.kubernetes.launcher.forget", lambda asked, job: asked.forgotten.append(job)
    )
    return found


@pytest.fixture
def store(tmp_path: Path) -> MirroredStore:
    return MirroredStore(FileObjects(tmp_path / "bucket"), tmp_path / "here")


@pytest.fixture
def alone(resolved: Resolved, monkeypatch: pytest.MonkeyPatch) -> Resolved:
    """With cells that have no parents, so that nothing else has to be made."""
    monkeypatch.setattr(
        "shallowsight.store.stage_task.stage_cell", lambda *a: stage_cell(*a).model_copy(update={"parents": ()})
    )
    return resolved
