"""The training step's box, its cluster and its store."""

from pathlib import Path

import pytest
from boxes import Cluster

from shallowsight.cells import Resolved, stage_cell
from shallowsight.services.files import FileObjects
from shallowsight.services.mirror import MirroredStore


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    found = Cluster()
    monkeypatch.setattr("shallowsight.services.cluster.connection.connect", lambda namespace: found)
    monkeypatch.setattr(
        "shallowsight.services.cluster.launcher.run", lambda asked, job, limits, *, say, on_line: asked.run(job)
    )
    monkeypatch.setattr("shallowsight.services.cluster.launcher.forget", lambda asked, job: asked.forgotten.append(job))
    return found


@pytest.fixture
def store(tmp_path: Path) -> MirroredStore:
    return MirroredStore(FileObjects(tmp_path / "bucket"), tmp_path / "here")


@pytest.fixture
def alone(resolved: Resolved, monkeypatch: pytest.MonkeyPatch) -> Resolved:
    """With cells that have no parents, so that nothing else has to be made."""
    for module in ("cluster_step", "node_task"):
        monkeypatch.setattr(
            f"shallowsight.{module}.stage_cell", lambda *a: stage_cell(*a).model_copy(update={"parents": ()})
        )
    return resolved
