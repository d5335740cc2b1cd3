"""The rules: promtool reads them and runs their tests, and they ask for what there is."""

import re
import subprocess
from functools import lru_cache
from pathlib import Path
from shutil import copy, which
from typing import Any

import pytest
import yaml
from metric_names import KNOWN, OURS, metrics_in
from rule_files import groups, rules, write_rules

from manifests.base.monitoring.charts import ROWS
from shallowsight.observe.metrics import names

TESTS = sorted((Path(__file__).parent / "promtool").glob("*.yml"))
RULES = {each.name: each for each in rules()}
ALERTS = [name for name, rule in RULES.items() if rule.is_alert]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    if which("promtool") is None:
        pytest.skip("no `promtool` on PATH: apt-get install prometheus")
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)


def asked(name: str, firing: bool) -> list[dict[str, Any]]:
    """What the tests of promtool ask of an alert: only where it fires, or only where it does not."""
    query = f'ALERTS{{alertname="{name}",alertstate="firing"}}'
    return [each for each in _questions() if each["expr"] == query and bool(each["exp_samples"]) == firing]


@lru_cache
def _questions() -> list[dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    files = [yaml.load(file.read_text(encoding="utf-8"), Loader=loader) for file in TESTS]
    return [query for file in files for test in file["tests"] for query in test["promql_expr_test"]]


def test_prometheus_reads_them(tmp_path: Path) -> None:
    write_rules(tmp_path / "rules.yml", groups())
    done = promtool("check", "rules", tmp_path / "rules.yml")
    assert done.returncode == 0, done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("file", [each.name for each in TESTS])
def test_the_rules_pass_the_tests_of_promtool(file: str, tmp_path: Path) -> None:
    write_rules(tmp_path / "rules.yml", groups())
    copy(Path(__file__).parent / "promtool" / file, tmp_path)
    done = promtool("test", "rules", tmp_path / file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_without_a_rule_some_test_of_promtool_fails(name: str, tmp_path: Path) -> None:
    left = groups()
    for group in left:
        group["rules"] = [each for each in group["rules"] if name not in (each.get("alert"), each.get("record"))]
    write_rules(tmp_path / "rules.yml", left)
    about = [copy(file, tmp_path) for file in TESTS if name in file.read_text(encoding="utf-8")]
    assert about
    assert promtool("test", "rules", *about).returncode != 0


def test_names_are_taken_once() -> None:
    assert len(rules()) == len(RULES)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_seen_firing_and_silent(name: str) -> None:
    assert asked(name, firing=True) and asked(name, firing=False)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_and_what_to_do(name: str) -> None:
    rule = RULES[name]
    assert set(rule.annotations) == {"summary", "description", "runbook"}
    assert rule.labels["severity"] in {"info", "warning", "critical"}
    assert name.startswith("Shallowsight")
    for text in rule.annotations.values():
        assert text[0].isupper() or text.startswith(("{{", "kubectl")), text
    assert rule.annotations["runbook"].endswith(".")


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_the_labels_that_its_texts_name(name: str) -> None:
    samples = [sample["labels"] for query in asked(name, firing=True) for sample in query["exp_samples"]]
    named = {label for text in RULES[name].annotations.values() for label in re.findall(r"\$labels\.(\w+)", text)}
    assert named
    for labels in samples:
        assert named <= set(re.findall(r"(\w+)=", labels)), labels


@pytest.mark.parametrize("name", RULES)
def test_every_metric_exists(name: str) -> None:
    metrics = metrics_in(RULES[name].expression)
    assert metrics
    assert metrics <= KNOWN | set(RULES)


def test_a_metric_that_does_not_exist_is_found() -> None:
    assert metrics_in("sum(rate(shallowsight_train_tokens[5m]))") == {"shallowsight_train_tokens"}
    assert "shallowsight_train_tokens" not in KNOWN
    assert "shallowsight_train_tokens_total" in OURS


def test_no_rate_is_taken_of_the_updates() -> None:
    """After a crash they go on below their last value."""
    bad = [name for name, rule in RULES.items() if re.search(r"(rate|increase)\(\w+updates_total", rule.expression)]
    assert bad == []


def test_every_recording_rule_is_used_or_shown() -> None:
    shown = " ".join(chart.query for lines in ROWS.values() for line in lines for chart in line)
    used = " ".join(rule.expression for rule in RULES.values())
    unused = {name for name, rule in RULES.items() if not rule.is_alert and name not in used + shown}
    assert unused == {"shallowsight:gpu_hours:sum1d"}  # for bills, not for charts


@pytest.mark.parametrize(
    "name", ["shallowsight:tokens:rate5m", "shallowsight:samples:rate5m", "shallowsight:updates:rate5m"]
)
def test_paces_are_what_the_names_document(name: str) -> None:
    assert RULES[name].expression.replace(names.PREFIX, "..._") in str(names.__doc__)


@pytest.mark.parametrize(
    ("name", "limit"), [("ShallowsightNoProgress", "> 1800"), ("ShallowsightStateTooOld", "> 3600")]
)
def test_limits_are_what_the_names_document(name: str, limit: str) -> None:
    assert RULES[name].expression.endswith(limit) and limit in str(names.__doc__)
