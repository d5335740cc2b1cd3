"""The dashboard: committed as built, and every panel whole."""

import json
import re
from typing import Any

import pytest
from metric_names import KNOWN, metrics_in
from rule_files import rules

from manifests.base.monitoring.charts import ROWS
from manifests.base.monitoring.dashboard import FILE, build

DASHBOARD: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
PANELS = [each for each in DASHBOARD["panels"] if each["type"] != "row"]
TITLES = [each["title"] for each in PANELS]


def test_the_file_is_what_the_builder_writes() -> None:
    assert FILE.read_text(encoding="utf-8") == build(), "run: python -m manifests.base.monitoring.dashboard"


def test_ids_and_titles_are_taken_once() -> None:
    ids = [each["id"] for each in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids) == len(PANELS) + len(ROWS)
    assert len(set(TITLES)) == len(TITLES)


def test_rows_are_there() -> None:
    rows = [each["title"] for each in DASHBOARD["panels"] if each["type"] == "row"]
    assert rows == ["Studies", "GPUs", "Data", "States", "Queue"]


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_a_panel_is_whole(panel: dict[str, Any]) -> None:
    assert panel["title"] and panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["options"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    (target,) = panel["targets"]
    assert target["expr"] and target["legendFormat"]


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_every_metric_exists(panel: dict[str, Any]) -> None:
    metrics = metrics_in(panel["targets"][0]["expr"])
    assert metrics
    assert metrics <= KNOWN | {each.name for each in rules()}


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_what_has_a_study_can_be_chosen_by_it(panel: dict[str, Any]) -> None:
    """Where a panel writes a study, its query asks for the chosen ones."""
    target = panel["targets"][0]
    if "{{cell}}" in target["legendFormat"]:
        assert all(f'{name}=~"${name}"' in target["expr"] for name in ("study", "cell", "stage"))


def test_panels_do_not_overlap() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


def test_choices_narrow_each_other() -> None:
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    assert list(variables) == ["datasource", "study", "cell", "stage"]
    # What the SDK writes is the same for all, and Grafana may take them for one.
    assert all(each["id"] == name for name, each in variables.items())
    assert "$study" in variables["cell"]["query"]["query"]
    assert "$cell" in variables["stage"]["query"]["query"]
    for name in ("study", "cell", "stage"):
        assert variables[name]["multi"] and variables[name]["includeAll"] and variables[name]["allValue"] == ".*"
        assert re.search(rf", {name}\)$", variables[name]["query"]["query"])
