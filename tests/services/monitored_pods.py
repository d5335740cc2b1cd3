"""Pods as the PodMonitors find them: what they serve, and how Prometheus is told to scrape it."""

from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

import yaml
from rule_files import MONITORING

# A GPU of the training's first node and one that nobody has, as dcgm-exporter writes them; Kueue's queue.
OTHERS = """\
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a",Hostname="h",container="node",namespace="shallowsight",pod="p0"} 87
DCGM_FI_DEV_GPU_UTIL{gpu="1",UUID="GPU-b",Hostname="h",container="",namespace="",pod=""} 0
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-a",Hostname="h",container="node",namespace="shallowsight",pod="p0"} 1024
kueue_pending_workloads{cluster_queue="shallowsight",status="active"} 1
kueue_admitted_active_workloads{cluster_queue="shallowsight"} 2
"""


@dataclass(frozen=True)
class Done:
    """An update of a training on one GPU."""

    update: int
    loss: float = 2.0
    learning_rate: float = 1e-4
    seconds: float = 0.05
    waited: float = 0.01
    tokens: int = 100
    sample_count: int = 4
    operations: float = 1e9
    peak: float = 1e11
    memory: int = 10**9
    device_memory: int = 10**9


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(OTHERS.encode())

    def log_message(self, *_: object) -> None:
        pass


def scrape_config(monitor: str, targets: list[dict[str, Any]]) -> dict[str, Any]:
    """What the Prometheus operator makes of a PodMonitor, with these pods."""
    documents = [each for file in MONITORING.glob("*podmonitor*.yaml") for each in yaml.safe_load_all(file.read_text())]
    (found,) = (each for each in documents if each["metadata"]["name"] == monitor)
    (endpoint,) = found["spec"]["podMetricsEndpoints"]
    snake = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    relabelings = [{snake.get(key, key): value for key, value in each.items()} for each in endpoint["relabelings"]]
    return {
        "job_name": monitor,
        "honor_labels": endpoint["honorLabels"],
        "relabel_configs": relabelings,
        "static_configs": targets,
    }


def pod(port: int, namespace: str, name: str, **labels: str) -> dict[str, Any]:
    discovered = {f"__meta_kubernetes_pod_label_{label}": value for label, value in labels.items()}
    return {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": namespace, "pod": name} | discovered}
