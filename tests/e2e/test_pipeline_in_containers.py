"""Two boxes of the pipelines, each in a container of the image that was built last: `make test-images`."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built_image import ENGINE, needs_image

from components.data import prepare_data, resolve_study

pytestmark = [pytest.mark.slow, needs_image]

SMALL = ["settings=-1", "data.scenes_train=20", "data.scenes_test=8", "data.easy_vqa_train=4", "data.easy_vqa_test=4"]


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where the docker package finds the engine."""
    if ENGINE == "docker":
        yield
        return
    path = tmp_path_factory.mktemp("podman") / "podman.sock"
    with subprocess.Popen([ENGINE, "system", "service", "--time=0", f"unix://{path}"]) as service:
        try:
            while not path.exists():
                assert service.poll() is None, "podman's service ended"
                time.sleep(0.1)
            os.environ["DOCKER_HOST"] = f"unix://{path}"
            yield
        finally:
            os.environ.pop("DOCKER_HOST", None)
            service.terminate()


def until_it_ends(client: Any, image: str, command: list[str], volumes: dict[str, Any], **options: Any) -> int:
    """The exit status of a container that stays until it was asked.

    kfp's own lets the engine remove the container at once, and takes one that is gone for a success.
    """
    container = client.containers.run(image, command, volumes=volumes, detach=True, **options)
    try:
        for line in container.logs(stream=True):
            print(line.decode(errors="replace"), end="")
        return int(container.wait()["StatusCode"])
    finally:
        container.remove(force=True)


@pytest.fixture
def root(socket: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the pipeline's artifacts go; the containers have it under the same path."""
    pytest.importorskip("docker", reason="no docker package here: pip install docker")
    from kfp import local
    from kfp.local import docker_task_handler

    monkeypatch.setattr(docker_task_handler, "run_docker_container", until_it_ends)
    root = tmp_path / "root"
    root.mkdir()
    root.chmod(0o777)
    local.init(local.DockerRunner(network_mode="none"), pipeline_root=str(root), enable_caching=False)
    return root


def run_two_boxes(root: Path, overrides: list[str]) -> None:
    from kfp import dsl

    @dsl.pipeline(name="two-boxes")
    def two_boxes(overrides: list[str], store: str):
        resolved = resolve_study(study="quick", overrides=overrides, store=store, run="", gpus="0", step_gpus="0")
        prepare_data(resolved=resolved.outputs["resolved"], store=store)

    two_boxes(overrides=overrides, store=(root / "store").as_uri())


def test_two_boxes_pass_on_what_they_make(root: Path) -> None:
    run_two_boxes(root, SMALL)
    assert (root / "store" / "study.json").stat().st_uid != os.getuid()
    assert len(list((root / "store" / "cells").glob("*/cell.json"))) == 1


def test_a_box_that_fails_fails_the_run(root: Path) -> None:
    with pytest.raises(RuntimeError, match="resolve-study"):
        run_two_boxes(root, ["settings=99"])
    assert not (root / "store" / "cells").exists()


def test_a_later_box_that_fails_fails_the_run(root: Path) -> None:
    store = root / "store"
    store.mkdir()
    store.chmod(0o777)
    (store / "cells").write_text("a store that takes the study, and no cells")
    with pytest.raises(RuntimeError, match="prepare-data"):
        run_two_boxes(root, SMALL)
    assert (store / "study.json").exists()
