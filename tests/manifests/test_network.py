"""Who may talk to whom, by the policies of every overlay."""

from pathlib import Path
from typing import Any

import network_rules
import pytest
from network_rules import DNS, STEP, End, may_connect
from overlays import OVERLAYS, Object, build, build_with, find, pod, pods

METRICS, S3 = 9464, 9000
MONITORING = End("monitoring", {"app": "prometheus"})
KUBEFLOW = End("kubeflow", {"app": "ml-pipeline"})
STEPS = End("shallowsight", STEP)
RESOLVER = End("kube-system", DNS)
INTERNET, CLOUD, PRIVATE = End(address="93.184.216.34"), End(address="169.254.169.254"), End(address="10.96.0.1")


def end(objects: list[Object], name: str) -> End:
    found = pod(objects, name)
    return End(found.namespace, found.labels)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_policies_point_at_something(overlay: str) -> None:
    objects = build(overlay)
    assert network_rules.complaints(objects, pods(objects)) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_training_reaches_its_own_and_names_and_nothing_else(overlay: str) -> None:
    objects = build(overlay)
    training = end(objects, "shallowsight-torch")
    assert may_connect(objects, training, training, 29400)
    assert may_connect(objects, training, RESOLVER, 53, "UDP")
    for other in (KUBEFLOW, MONITORING, STEPS, CLOUD, End("default", training.labels)):
        assert not may_connect(objects, training, other, 443)
        assert not may_connect(objects, other, training, 29400)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_prometheus_reads_metrics(overlay: str) -> None:
    objects = build(overlay)
    training = end(objects, "shallowsight-torch")
    assert may_connect(objects, MONITORING, training, METRICS)
    assert not may_connect(objects, MONITORING, training, 29400)
    assert may_connect(objects, MONITORING, STEPS, METRICS)
    for other in (KUBEFLOW, STEPS, End("default")):
        assert not may_connect(objects, other, training, METRICS)
        assert not may_connect(objects, other, STEPS, METRICS)


@pytest.mark.parametrize("overlay", ["local", "a100"])
def test_who_reaches_the_store(overlay: str) -> None:
    objects = build(overlay)
    store = end(objects, "minio")
    for name in ("shallowsight-torch", "minio-setup"):
        assert may_connect(objects, end(objects, name), store, S3), name
    assert may_connect(objects, STEPS, store, S3)
    assert may_connect(objects, KUBEFLOW, store, S3)
    for other in (MONITORING, End("default"), End("shallowsight", {"app": "else"})):
        assert not may_connect(objects, other, store, S3)
    for other in (INTERNET, PRIVATE, KUBEFLOW, end(objects, "shallowsight-torch")):
        assert not may_connect(objects, store, other, 443)


def test_a_store_outside_is_reached_over_https_alone() -> None:
    objects = build("a100-outside-store")
    for source in (end(objects, "shallowsight-torch"), STEPS):
        assert may_connect(objects, source, INTERNET, 443)
        assert not may_connect(objects, source, INTERNET, 80)
        assert not may_connect(objects, source, CLOUD, 443)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_steps_reach_kfp_and_the_api_server(overlay: str) -> None:
    objects = build(overlay)
    assert may_connect(objects, STEPS, KUBEFLOW, 8888)
    assert may_connect(objects, STEPS, PRIVATE, 443)
    assert not may_connect(objects, STEPS, KUBEFLOW, 22)
    assert not may_connect(objects, STEPS, CLOUD, 443)


def test_the_internet_is_a_component_away(tmp_path: Path) -> None:
    closed, opened = build("a100"), build_with("hub-access", "a100", tmp_path)
    for source in (end(closed, "shallowsight-torch"), STEPS):
        assert not may_connect(closed, source, INTERNET, 443)
        assert may_connect(opened, source, INTERNET, 443)
        assert not may_connect(opened, source, CLOUD, 443)
    assert not may_connect(opened, end(closed, "shallowsight-torch"), PRIVATE, 443)
    assert not may_connect(opened, end(opened, "minio"), INTERNET, 443)
    assert network_rules.complaints(opened, pods(opened)) == []


@pytest.mark.parametrize(
    ("policy", "path", "value", "complaint"),
    [
        ("default-deny", ["policyTypes"], ["Ingress"], "nothing denies"),
        ("default-deny", ["egress"], [{"to": [{"podSelector": {}}]}], "nothing denies"),
        ("training", ["podSelector", "matchLabels", "app.kubernetes.io/component"], "trainings", "selects no pod"),
        ("training-metrics", ["ingress", 0, "ports", 0, "port"], 9090, "nobody listens on 9090"),
        ("to-store", ["egress", 0, "ports", 0, "port"], 9001, "nobody listens on 9001"),
        ("to-store", ["egress", 0, "to", 0, "podSelector", "matchLabels", "a"], "b", "a peer is no pod"),
        ("store", ["ingress", 0, "from", 0, "podSelector", "matchLabels", "a"], "b", "a peer is no pod"),
    ],
)
def test_the_check_finds(policy: str, path: list[str | int], value: Any, complaint: str) -> None:
    objects = build("a100")
    *way, last = path
    place = find(objects, "NetworkPolicy", policy)["spec"]
    for key in way:
        place = place[key]
    place[last] = value
    (found,) = network_rules.complaints(objects, pods(objects))
    assert complaint in found
