"""Every overlay builds, and every object is what its schema says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from crd_schemas import crd_schemas
from kubernetes.utils.quantity import parse_quantity
from overlays import MANIFESTS, OVERLAYS, Object, build, find

KUBERNETES = "1.37"
CUSTOM = ("kubeflow.org", "x-k8s.io", "coreos.com")
CLUSTER_WIDE = {"Namespace", "ClusterTrainingRuntime", "ClusterQueue", "ResourceFlavor", "WorkloadPriorityClass"}


def is_custom(each: Object) -> bool:
    return each["apiVersion"].partition("/")[0].endswith(CUSTOM)


def test_the_overlays_of_the_pages_are_there() -> None:
    assert {"local", "a100", "a100-outside-store"} <= set(OVERLAYS)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_own_kinds_of_kubernetes_are_valid(overlay: str) -> None:
    plain = [each for each in build(overlay) if not is_custom(each)]
    assert len(plain) > 10
    for each in plain:
        kubernetes_validate.validate(each, KUBERNETES, strict=True)


def quantities(value: Any) -> Iterator[Any]:
    """Of everything that says how much; for schemas they are any text."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        if key in {"requests", "limits"}:
            yield from inner.values()
        elif key in {"sizeLimit", "nominalQuota"}:
            yield inner
        else:
            yield from quantities(inner)
    for inner in value if isinstance(value, list) else ():
        yield from quantities(inner)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_quantities_are_numbers(overlay: str) -> None:
    found = list(quantities(build(overlay)))
    assert len(found) >= 10
    assert all(parse_quantity(each) >= 0 for each in found)


def test_a_field_that_kubernetes_does_not_know_is_refused() -> None:
    job = find(build("local"), "Job", "minio-setup")
    job["spec"]["template"]["spec"]["containers"][0]["resourcez"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="resourcez"):
        kubernetes_validate.validate(job, KUBERNETES, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_custom_resources_are_valid(overlay: str) -> None:
    schemas = crd_schemas()
    custom = [each for each in build(overlay) if is_custom(each)]
    assert len(custom) >= 6
    assert {each["metadata"]["name"]: schemas.faults(each) for each in custom if schemas.faults(each)} == {}


def test_a_field_that_a_custom_resource_does_not_have_is_refused() -> None:
    queue = find(build("a100"), "ClusterQueue", "shallowsight")
    queue["spec"]["resourceGroups"][0]["flavors"][0]["resources"][0]["quota"] = 1
    assert any("quota" in fault for fault in crd_schemas().faults(queue))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_namespace_stands_where_there_is_one_and_nowhere_else(overlay: str) -> None:
    # kustomize knows only Kubernetes' own cluster-wide kinds, and would write a namespace into the others.
    for each in build(overlay):
        expected = {None} if each["kind"] in CLUSTER_WIDE else {"shallowsight"}
        if each["metadata"]["name"] in {"shallowsight-launcher", "shallowsight-metrics"}:
            expected = {"shallowsight", "kubeflow"}  # also where the boxes of KFP without users are
        assert each["metadata"].get("namespace") in expected, each["metadata"]["name"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_says_what_it_is_part_of(overlay: str) -> None:
    for each in build(overlay):
        assert each["metadata"]["labels"]["app.kubernetes.io/part-of"] == "shallowsight", each["metadata"]["name"]


def files() -> list[Path]:
    return [path for path in MANIFESTS.rglob("*") if path.is_file() and path.suffix in {".yaml", ".sh", ""}]


def test_files_are_short() -> None:
    lengths = {str(path.relative_to(MANIFESTS)): len(path.read_text().splitlines()) for path in files()}
    assert {name: length for name, length in lengths.items() if length > 160} == {}


def test_every_file_is_used() -> None:
    used = {MANIFESTS / "make-secrets"}
    for kustomization in MANIFESTS.rglob("kustomization.yaml"):
        text = kustomization.read_text()
        used |= {kustomization, *(path for path in kustomization.parent.iterdir() if path.name in text)}
    assert set(files()) - used == set()
