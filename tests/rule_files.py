"""The rules as the PrometheusRule objects hold them, for promtool and for Prometheus."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MONITORING = Path(__file__).parents[1] / "manifests" / "base" / "monitoring"

Group = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """A recording rule, whose name is what it records, or an alert."""

    name: str
    expression: str
    annotations: dict[str, str]
    labels: dict[str, str]
    is_alert: bool


def files() -> dict[str, dict[str, Any]]:
    """Name -> object, of every PrometheusRule in the folder."""
    documents = [each for file in sorted(MONITORING.glob("*.yaml")) for each in yaml.safe_load_all(file.read_text())]
    return {each["metadata"]["name"]: each for each in documents if each["kind"] == "PrometheusRule"}


def groups() -> list[Group]:
    return [group for each in files().values() for group in each["spec"]["groups"]]


def rules() -> list[Rule]:
    return [
        Rule(
            name=each.get("alert") or each["record"],
            expression=each["expr"],
            annotations=each.get("annotations", {}),
            labels=each.get("labels", {}),
            is_alert="alert" in each,
        )
        for group in groups()
        for each in group["rules"]
    ]


def write_rules(file: Path, written: list[Group]) -> None:
    """As Prometheus reads them."""
    file.write_text(yaml.safe_dump({"groups": written}), encoding="utf-8")
