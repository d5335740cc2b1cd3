"""A real Prometheus finds what the last box of a retraining serves, by the relabelling of its PodMonitor."""

import threading
from pathlib import Path

import pytest
from monitored_pods import scrape_config
from ports import free_port
from prometheus_server import running_prometheus, until
from rule_files import rules

from shallowsight.observe.metrics import retraining
from shallowsight.observe.metrics.exposition import Endpoint
from shallowsight.observe.metrics.retraining import show_retraining

pytestmark = pytest.mark.slow


def test_the_box_is_scraped_once_and_the_alert_sees_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port, over = free_port(), threading.Event()
    monkeypatch.setattr(retraining, "linger", lambda seconds: over.wait(300))
    box = threading.Thread(target=show_retraining, args=("demo", {"worse": 2}, Endpoint("127.0.0.1", port)))
    # As Kubernetes tells of containers without ports: an address alone, once for each container.
    containers = [
        {
            "targets": [f"127.0.0.1:{number}"],
            "labels": {"__meta_kubernetes_pod_container_name": name, "__meta_kubernetes_pod_ip": "127.0.0.1"},
        }
        for number, name in enumerate(("main", "wait"), start=1)
    ]
    scrape = scrape_config("shallowsight-retraining", containers)
    (address,) = [each for each in scrape["relabel_configs"] if each.get("target_label") == "__address__"]
    address["replacement"] = address["replacement"].replace("9464", str(port))
    config = {"global": {"scrape_interval": "250ms", "scrape_timeout": "250ms"}, "scrape_configs": [scrape]}
    (alert,) = [rule for rule in rules() if rule.name == "ShallowsightRetrainingWorse"]
    box.start()
    try:
        with running_prometheus(tmp_path, config) as server:
            (found,) = until(lambda: server.ask(alert.expression), "the verdict")
            assert found["metric"] == {"study": "demo"} and found["value"][1] == "2"
            (target,) = server.ask("up")
            assert target["metric"]["job"] == "shallowsight-retraining"
    finally:
        over.set()
        box.join()
