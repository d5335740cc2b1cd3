"""checkov over every overlay: nothing fails but what the list of exceptions gives a reason for."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from overlays import OVERLAYS, Object, build, find, of_kind

pytestmark = pytest.mark.slow

EXCEPTIONS = yaml.safe_load((Path(__file__).parent / "checkov_exceptions.yaml").read_text())
CHECKOV = "SHALLOWSIGHT_CHECKOV"  # the programme: its packages do not go with ours, so it has an environment of its own


def programme() -> str:
    found = os.environ.get(CHECKOV) or shutil.which("checkov", path=str(Path(sys.executable).parent))
    found = found or shutil.which("checkov")
    if found is None:
        pytest.skip(f"there is no checkov: install it into an environment of its own and name it in {CHECKOV}")
    return found


def readable(objects: list[Object]) -> list[Object]:
    """The runtime's pods too: checkov does not look into a ClusterTrainingRuntime, but into a Job."""
    (runtime,) = of_kind(objects, "ClusterTrainingRuntime")
    (job,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    metadata = {"name": runtime["metadata"]["name"], "namespace": "shallowsight"}
    return [*objects, {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job["template"]["spec"]}]


def check(objects: list[Object], folder: Path) -> dict[str, Any]:
    file = folder / "objects.yaml"
    file.write_text(yaml.safe_dump_all(readable(objects)))
    command = [programme(), "-f", str(file), "--framework", "kubernetes", "--compact", "--quiet", "--skip-download"]
    done = subprocess.run([*command, "-o", "json"], capture_output=True, text=True, timeout=300)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def failed(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["check_id"], each["resource"]) for each in found["results"]["failed_checks"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_fails_without_a_reason(overlay: str, tmp_path: Path) -> None:
    found = check(build(overlay), tmp_path)
    assert found["summary"]["passed"] > 100  # where it finds nothing to look at, it is content too
    assert found["summary"]["parsing_errors"] == 0
    assert failed(found) == {(each["check"], each["object"]) for each in EXCEPTIONS}


def test_it_looks_into_the_pods_of_a_training(tmp_path: Path) -> None:
    objects = build("a100")
    (job,) = find(objects, "ClusterTrainingRuntime", "shallowsight-torch")["spec"]["template"]["spec"]["replicatedJobs"]
    job["template"]["spec"]["template"]["spec"]["hostNetwork"] = True
    assert ("CKV_K8S_19", "Job.shallowsight.shallowsight-torch") in failed(check(objects, tmp_path))


def test_every_exception_has_a_reason() -> None:
    assert all(len(each["reason"].split()) > 10 for each in EXCEPTIONS)
    assert len(EXCEPTIONS) <= 5
