"""What of a study is whole, what is likely to be missing, and with which arguments its pipeline starts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shallowsight import steps
from shallowsight.cli.local_run import likely_missing, pipeline_arguments, progress_file, status_of
from shallowsight.cost.question import question_operations
from shallowsight.cost.shapes import language_shape
from shallowsight.errors import ConfigurationError
from shallowsight.store.cells import analyze_cell, prepare_cell
from shallowsight.store.plan import make_plan
from shallowsight.store.store import Store
from shallowsight.study.layers import Group
from shallowsight.study.resolved import Resolved


@pytest.fixture
def resolve() -> Callable[..., Resolved]:
    return lambda *words: steps.resolve_study("quick", words)


def analyzed(resolved: Resolved, store: Store) -> None:
    """The two shared cells, with an analysis that found three groups."""
    groups = [Group("shallow", (1, 2, 3), 2), Group("middle", tuple(range(4, 10)), 7), Group("deep", (10, 11, 12), 11)]

    def make(out: Path) -> None:
        raw = [{"name": g.name, "layers": g.layers, "representative": g.representative} for g in groups]
        (out / "analysis.json").write_text(json.dumps({"groups": raw}))

    store.build(prepare_cell(resolved), lambda out: (out / "data.json").write_text("{}"))
    store.build(analyze_cell(resolved), make)


def test_before_the_analysis_the_members_are_unknown(store: Store, resolve: Callable[..., Resolved]) -> None:
    status = status_of(resolve("settings=groups"), store)
    assert status.plan is None
    assert [cell.step for cell in status.missing] == ["prepare", "analyze"]
    assert not status.complete


def test_after_the_analysis_the_plan_is_known(store: Store, resolve: Callable[..., Resolved]) -> None:
    resolved = resolve("settings=groups last groups:concat", "seeds=0 1")
    analyzed(resolved, store)
    status = status_of(resolved, store)
    assert status.plan is not None
    assert [str(s) for s in status.plan.members] == ["2", "7", "11", "12", "2,7,11:concat"]
    assert [cell.step for cell in status.whole] == ["prepare", "analyze"]
    assert len(status.missing) == 4 + 5 * 2 * 3  # layers to encode; members, seeds, steps
    assert likely_missing(status) == list(status.missing)


def test_complete_when_every_cell_is_whole(store: Store, resolve: Callable[..., Resolved]) -> None:
    resolved = resolve()
    analyzed(resolved, store)
    cells = make_plan(resolved, store.folder(analyze_cell(resolved))).cells(resolved)
    for cell in cells:
        store.build(cell, lambda out: (out / "analysis.json").write_text("x"))
    assert status_of(resolved, store).complete
    (store.folder(cells[-1]) / "analysis.json").write_text("y")
    damaged = status_of(resolved, store)
    assert not damaged.complete
    assert damaged.missing == (cells[-1],)


@pytest.mark.parametrize(
    ("settings", "members", "layers"),
    [
        pytest.param("6 last", 2, 2, id="known"),
        pytest.param("groups", 3, 3, id="one of each of three groups"),
        pytest.param("groups groups:concat", 4, 3, id="and their fusion"),
        pytest.param("last 12", 1, 1, id="the same twice"),
    ],
)
def test_likely_cost_before_the_analysis(
    store: Store, resolve: Callable[..., Resolved], settings: str, members: int, layers: int
) -> None:
    missing = likely_missing(status_of(resolve(f"settings={settings}"), store))
    assert sum(cell.step == "evaluate" for cell in missing) == members
    assert sum(cell.step == "encode" for cell in missing) == layers


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("demo", "demo", id="a name stays"),
        pytest.param("mine.yaml", "{here}/mine.yaml", id="a file by its whole path"),
        pytest.param("../x/mine.yml", "{above}/x/mine.yml", id="dots are gone"),
    ],
)
def test_arguments_of_the_pipeline(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, expected: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert pipeline_arguments("study", name, ["seeds=1"], store, 2) == {
        "study": expected.format(here=tmp_path / "here", above=tmp_path),
        "overrides": ["seeds=1"],
        "store": f"file://{store.root}",
        "gpus": "2",  # text: a number never reaches a pod's limits
    }


def test_text_that_the_runner_rewrites_is_refused(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="rewrites the text"):
        pipeline_arguments("study", "demo", ["name=python3"], store, 0)


def test_progress_file_is_in_the_study(store: Store) -> None:
    assert progress_file(store) == store.root / "progress.jsonl"


def test_groups_are_read_from_the_analysis(store: Store, resolve: Callable[..., Resolved]) -> None:
    resolved: Any = resolve("settings=groups")
    analyzed(resolved, store)
    assert [str(s) for s in steps.plan_members(resolved, store).members] == ["2", "7", "11"]
    assert [m["roles"] for m in json.loads((store.root / "plan.json").read_text())["members"]] == [
        ["shallow representative"],
        ["middle representative"],
        ["deep representative", "penultimate"],
    ]


def members_of(resolved: Any, store: Store) -> dict[str, Any]:
    """plan.json's members by setting."""
    analyzed(resolved, store)
    steps.plan_members(resolved, store)
    return {m["setting"]: m for m in json.loads((store.root / "plan.json").read_text())["members"]}


def test_the_plan_has_the_operations_of_one_question(store: Store, resolve: Callable[..., Resolved]) -> None:
    resolved: Any = resolve("settings=2 11")
    found = members_of(resolved, store)
    shape = language_shape(resolved.base.language)
    expected = question_operations(resolved.base.at(resolved.setting("11"), 0), resolved.tower, shape)
    assert found["11"]["operations"] == expected > found["2"]["operations"] > 0


def test_operations_that_cannot_be_counted_stop_no_study(
    store: Store, resolve: Callable[..., Resolved], caplog: pytest.LogCaptureFixture
) -> None:
    resolved: Any = resolve("settings=2 11")
    staged = resolved.model_copy(update={"tower": resolved.tower.model_copy(update={"stride": 28})})
    with caplog.at_level("INFO"):
        found = members_of(staged, store)
    assert {m["operations"] for m in found.values()} == {None}
    assert "the operations for one question are not counted" in caplog.text
