"""Every pod of every overlay: restricted, limited, pinned."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import image_rules
import pod_rules
import pytest
from overlays import MANIFESTS, OVERLAYS, build, build_folder, find, pod, pods

Break = Callable[[dict[str, Any], dict[str, Any]], Any]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_are_restricted(overlay: str) -> None:
    found = pods(build(overlay))
    assert "shallowsight-torch" in [each.name for each in found]
    assert pod_rules.complaints(found) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_images_are_pinned(overlay: str) -> None:
    assert image_rules.complaints(pods(build(overlay))) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_namespace_enforces_it(overlay: str) -> None:
    labels = find(build(overlay), "Namespace", "shallowsight")["metadata"]["labels"]
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"restricted"}


@pytest.mark.parametrize("name", ["shallowsight-torch", "minio", "minio-setup"])
@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (lambda spec, c: spec["securityContext"].pop("runAsNonRoot"), "may run as root"),
        (lambda spec, c: spec["securityContext"].update(runAsUser=1000), "whom the node may know"),
        (lambda spec, c: spec["securityContext"].pop("seccompProfile"), "no seccomp profile"),
        (lambda spec, c: spec.pop("automountServiceAccountToken"), "gets a token"),
        (lambda spec, c: spec.update(hostNetwork=True), "uses hostNetwork"),
        (lambda spec, c: spec["volumes"].append({"name": "x", "hostPath": {"path": "/"}}), "not of an allowed kind"),
        (lambda spec, c: spec["volumes"].append({"name": "x", "emptyDir": {}}), "may fill the node"),
        (lambda spec, c: c["securityContext"].pop("allowPrivilegeEscalation"), "may gain privileges"),
        (lambda spec, c: c["securityContext"].update(privileged=True), "is privileged"),
        (lambda spec, c: c["securityContext"]["capabilities"].update(add=["SYS_ADMIN"]), "keeps capabilities"),
        (lambda spec, c: c["securityContext"].pop("readOnlyRootFilesystem"), "may write into its image"),
        (lambda spec, c: c["securityContext"].update(runAsUser=0), "runs as root"),
        (lambda spec, c: c["resources"]["limits"].pop("memory"), "has no limits of memory"),
        (lambda spec, c: c["resources"]["requests"].pop("cpu"), "has no requests of cpu"),
        (lambda spec, c: c["resources"]["requests"].update({"nvidia.com/gpu": "9"}), "requests GPUs"),
    ],
)
def test_the_check_finds(name: str, broken: Break, complaint: str) -> None:
    found = pod(build("a100"), name)
    broken(found.spec, found.spec["containers"][0])
    (line,) = pod_rules.complaints([found])
    assert line.startswith(name)
    assert complaint in line


@pytest.mark.parametrize(
    "image",
    [
        "shallowsight-training",
        "ghcr.io/shallowsight/shallowsight-python",
        "ghcr.io/shallowsight/shallowsight-python:dev",
        "quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z",
        "quay.io/minio/minio@sha256:14cea493",
        "minio/minio@sha256:" + "0" * 64,
    ],
)
def test_the_check_finds_an_image_that_is_not_pinned(image: str) -> None:
    found = pod(build("a100"), "minio")
    found.spec["containers"][0]["image"] = image
    (line,) = image_rules.complaints([found])
    assert "is not pinned" in line


def test_the_check_finds_latest() -> None:
    found = pod(build("a100"), "minio")
    found.spec["containers"][0]["image"] = "quay.io/minio/minio:latest@sha256:" + "0" * 64
    (line,) = image_rules.complaints([found])
    assert "another one tomorrow" in line


def test_a_digest_takes_the_place_of_the_tag(tmp_path: Path) -> None:
    name, digest = "ghcr.io/shallowsight/shallowsight-cuda-python", "sha256:" + "1" * 64
    overlay = os.path.relpath(MANIFESTS / "overlays" / "a100", tmp_path)
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [{overlay}]\nimages: [{{name: {name}, digest: {digest}}}]\n"
    )
    found = pods(build_folder(tmp_path))
    assert f"{name}@{digest}" in [each.containers[0]["image"] for each in found]
    assert image_rules.complaints(found) == []
