"""PodMonitors, PrometheusRules and the dashboard's ConfigMap, as kustomize builds them."""

import json

import pytest
import yaml
from crd_schemas import crd_schemas
from overlays import Object, build, find, of_kind, pod, text_of
from rule_files import MONITORING, files

from manifests.base.monitoring.dashboard import FILE
from pipelines import placement
from shallowsight.observe.metrics.exposition import PORT

CUSTOM = ("PodMonitor", "PrometheusRule")


def objects() -> list[Object]:
    return list(yaml.safe_load_all(text_of(MONITORING)))


@pytest.mark.parametrize("kind", CUSTOM)
def test_custom_resources_are_valid(kind: str) -> None:
    found = of_kind(objects(), kind)
    assert len(found) >= 3
    assert {each["metadata"]["name"]: crd_schemas().faults(each) for each in found if crd_schemas().faults(each)} == {}


def test_a_field_that_a_monitor_does_not_have_is_refused() -> None:
    monitor = find(objects(), "PodMonitor", "shallowsight-training")
    monitor["spec"]["podMetricsEndpoints"][0]["intervall"] = "15s"
    assert any("intervall" in fault for fault in crd_schemas().faults(monitor))


def test_the_rules_that_are_tested_are_those_that_are_applied() -> None:
    applied = {each["metadata"]["name"]: each["spec"] for each in of_kind(objects(), "PrometheusRule")}
    assert applied == {name: each["spec"] for name, each in files().items()}


def test_training_pods_are_found_by_their_labels_and_port() -> None:
    monitor = find(objects(), "PodMonitor", "shallowsight-training")["spec"]
    training = pod(build("a100"), "shallowsight-torch")
    assert monitor["selector"]["matchLabels"].items() <= training.labels.items()
    ports = {port["name"] for container in training.containers for port in container.get("ports", [])}
    assert {endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]} <= ports


def test_the_last_box_of_a_retraining_is_found_at_the_port_of_its_settings() -> None:
    monitor = find(objects(), "PodMonitor", "shallowsight-retraining")["spec"]
    assert monitor["namespaceSelector"] == {"any": True}
    assert monitor["selector"]["matchLabels"] == {
        **placement.LABELS,
        "app.kubernetes.io/component": placement.RETRAINING,
    }
    (endpoint,) = monitor["podMetricsEndpoints"]
    address = next(each for each in endpoint["relabelings"] if each.get("targetLabel") == "__address__")
    settings = find(build("a100"), "ConfigMap", placement.METRICS_SETTINGS)["data"]
    assert address["replacement"] == f"$1:{settings[PORT]}"


def test_a_namespace_is_ours() -> None:
    assert {each["metadata"]["namespace"] for each in objects()} == {"shallowsight"}


def test_own_labels_of_what_is_scraped_are_kept() -> None:
    """Else `pod` of a GPU would be the exporter's, and `study` of a training its pod's label."""
    endpoints = [e for each in of_kind(objects(), "PodMonitor") for e in each["spec"]["podMetricsEndpoints"]]
    assert all(endpoint["honorLabels"] for endpoint in endpoints)


def test_grafana_finds_the_dashboard() -> None:
    (found,) = of_kind(objects(), "ConfigMap")
    assert found["metadata"]["name"] == "shallowsight-dashboard"
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    (text,) = found["data"].values()
    assert json.loads(text) == json.loads(FILE.read_text(encoding="utf-8"))
    assert len(text) < 262_144  # what the annotation of kubectl apply may hold
