"""A real Prometheus scrapes as the PodMonitors say, and answers every rule and every panel."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.request import urlopen

import pytest
from monitored_pods import Done, Page, pod, scrape_config
from ports import free_port
from prometheus_server import Prometheus, running_prometheus, until
from rule_files import groups, rules, write_rules

from manifests.base.monitoring.charts import ROWS, Chart
from shallowsight.observe.metrics.exposition import Endpoint
from shallowsight.observe.metrics.training import TrainingMetrics

pytestmark = pytest.mark.slow

RULES = rules()
Training = tuple[list[int], TrainingMetrics]
CHARTS = {chart.title: chart for lines in ROWS.values() for line in lines for chart in line}


def rendered() -> dict[str, Any]:
    """Every alert once more, firing at once with every label that a text may name."""
    labels = {
        label for rule in RULES for text in rule.annotations.values() for label in re.findall(r"\$labels\.(\w+)", text)
    }
    always = "vector(0.5)"
    for label in sorted(labels):
        always = f'label_replace({always}, "{label}", "a-{label}", "", "")'
    alerts = [rule for rule in RULES if rule.is_alert]
    again = [{"alert": f"Rendered{each.name}", "expr": always, "annotations": each.annotations} for each in alerts]
    return {"name": "rendered", "rules": again}


@pytest.fixture(scope="module")
def training() -> Iterator[Training]:
    """The ports of two nodes, and what the leading one shows while it trains."""
    ports, over = [free_port(), free_port()], threading.Event()
    with ExitStack() as ending:
        nodes = [
            ending.enter_context(
                TrainingMetrics("a study", "c" * 16, "finetune", endpoint=Endpoint("127.0.0.1", port), leads=leads)
            )
            for port, leads in zip(ports, (True, False), strict=True)
        ]

        def train() -> None:
            update = 0
            while not over.wait(0.05):
                update += 1
                for node in nodes:
                    node.update_done(Done(update), planned=100_000)

        thread = threading.Thread(target=train)
        thread.start()
        ending.callback(thread.join)
        ending.callback(over.set)
        yield ports, nodes[0]


@pytest.fixture(scope="module")
def prometheus(training: Training, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    pages = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    labels = {
        "shallowsight_study": "a-study",
        "shallowsight_stage": "finetune",
        "jobset_sigs_k8s_io_jobset_name": "job",
    }
    nodes = [pod(each, "shallowsight", f"p{rank}", **labels) for rank, each in enumerate(training[0])]
    # Without the intervals of the rules, which are half a minute.
    quick = [{"name": group["name"], "rules": group["rules"]} for group in groups()]
    write_rules(folder / "rules.yml", [*quick, rendered()])
    config = {
        "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "250ms"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [
            scrape_config("shallowsight-training", nodes),
            scrape_config("shallowsight-dcgm-chart", [pod(pages.server_address[1], "gpu-operator", "dcgm-1")]),
        ],
    }
    try:
        with running_prometheus(folder, config) as server:
            yield server
    finally:
        pages.shutdown()
        pages.server_close()


def about(prometheus: Prometheus, what: str) -> Any:
    with urlopen(f"http://127.0.0.1:{prometheus.port}/api/v1/{what}", timeout=10) as answer:
        return json.load(answer)["data"]


def answered(prometheus: Prometheus, query: str) -> list[dict[str, Any]]:
    """As soon as there is an answer; what is counted by the minute takes one."""
    found: list[dict[str, Any]] = until(lambda: prometheus.ask(query), query, 90)
    return found


@pytest.mark.parametrize("name", [rule.name for rule in RULES if not rule.is_alert])
def test_a_recording_rule_is_answered(prometheus: Prometheus, name: str) -> None:
    assert answered(prometheus, name)


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS.keys())
def test_a_panel_is_answered(prometheus: Prometheus, chart: Chart) -> None:
    query = chart.query.replace("$__range", "1h")
    found = answered(prometheus, re.sub(r"\$(study|cell|stage)", ".*", query))
    labels = set(re.findall(r"{{(\w+)}}", chart.legend))
    assert all(labels <= set(series["metric"]) for series in found)


def test_a_gpu_finds_its_training_by_the_pod_that_has_it(prometheus: Prometheus) -> None:
    (gpu,) = answered(prometheus, "shallowsight:gpu_utilisation:ratio")
    assert float(gpu["value"][1]) == pytest.approx(0.87)
    # The study is called as the training calls it; a label of a pod may not have a space.
    assert gpu["metric"] | {"UUID": "GPU-a", "pod": "p0", "study": "a study", "stage": "finetune"} == gpu["metric"]


def test_what_is_up_is_told_by_the_labels_of_its_pod(prometheus: Prometheus) -> None:
    found = answered(prometheus, 'up{job="shallowsight-training"}')
    assert {each["metric"]["pod"] for each in found} == {"p0", "p1"}
    assert {each["metric"]["study"] for each in found} == {"a-study"}
    assert {each["metric"]["trainjob"] for each in found} == {"job"}


def test_a_rule_never_fails(prometheus: Prometheus) -> None:
    def evaluated() -> list[dict[str, Any]] | None:
        found = [rule for group in about(prometheus, "rules")["groups"] for rule in group["rules"]]
        return found if all(rule["health"] != "unknown" for rule in found) else None

    found = until(evaluated, "an evaluation of every rule")
    assert len(found) > len(RULES)
    assert {rule["name"]: rule.get("lastError") for rule in found if rule["health"] != "ok"} == {}


def test_a_state_that_fails_makes_an_alert(prometheus: Prometheus, training: Training) -> None:
    alert = 'ALERTS{alertname="ShallowsightStateSavesFail",alertstate="firing"}'
    answered(prometheus, "shallowsight_train_state_save_failures_total")
    assert prometheus.ask(alert) == []
    training[1].state_kept(10, saved=False)
    (fired,) = answered(prometheus, alert)
    assert fired["metric"]["study"] == "a study"


def test_the_texts_of_alerts_are_filled_in(prometheus: Prometheus) -> None:
    def firing() -> list[dict[str, Any]]:
        found = about(prometheus, "alerts")["alerts"]
        return [each for each in found if each["labels"]["alertname"].startswith("Rendered")]

    alerts = [rule.name for rule in RULES if rule.is_alert]
    found = until(lambda: (now := firing()) and len(now) == len(alerts) and now, "all alerts")
    for each in found:
        for text in each["annotations"].values():
            assert not re.search(r"{{|}}|<error|<no value>|%!", text), text
    (still,) = (each for each in found if each["labels"]["alertname"] == "RenderedShallowsightNoProgress")
    assert still["annotations"]["summary"] == "a-stage of a-study stands still"
