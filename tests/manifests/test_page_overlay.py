"""The overlay that docs/cluster.md shows, built."""

import shutil
from pathlib import Path

from overlays import MANIFESTS, build_folder
from pages import blocks


def test_the_overlay_of_the_page_builds(tmp_path: Path) -> None:
    (text,) = [block for block in blocks("yaml") if block.startswith("resources:")]
    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    mine = tmp_path / "manifests" / "overlays" / "mine"
    mine.mkdir()
    (mine / "kustomization.yaml").write_text(text)
    objects = build_folder(mine)
    (runtime,) = [each for each in objects if each["kind"] == "ClusterTrainingRuntime"]
    assert "registry.example/shallowsight-cuda-python:1" in str(runtime)
    assert any(each["kind"] == "RoleBinding" and "kubeflow" in str(each["subjects"]) for each in objects)
