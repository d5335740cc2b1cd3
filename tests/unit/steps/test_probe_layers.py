"""The probing step over a real, tiny tower: with cached features and with the tower itself, and what it leaves out."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shallowsight import steps
from shallowsight.analysis.probes import size, task
from shallowsight.store.cells import prepare_cell, probe_cell
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved

BENCHMARKS = ["own:colour", "own:sure", "own"]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A few questions are enough, and are learnt by a few updates."""
    monkeypatch.setattr(task, "LEAST_TRAIN", 4)
    monkeypatch.setattr(task, "LEAST_TEST", 2)
    monkeypatch.setattr(size, "_LEAST_UPDATES", 20)
    yield


def study(resolved: Resolved, *, cached: bool, probes: bool = True) -> Resolved:
    raw = resolved.model_dump(mode="json")
    raw["study"]["probes"], raw["cache_features"] = probes, cached
    raw["study"]["base"]["benchmarks"] = BENCHMARKS
    return Resolved.model_validate(raw)


def prepared_store(resolved: Resolved, prepared: Any, root: Path) -> Store:
    store = Store(root)

    def copy(out: Path) -> None:
        for path in prepared.folder.iterdir():
            os.symlink(path, out / path.name, target_is_directory=path.is_dir())

    store.build(prepare_cell(resolved), copy)
    return store


def probed(resolved: Resolved, store: Store) -> dict[str, Any]:
    steps.encode_features(resolved, ["2"], store)
    cell = steps.probe_layers(resolved, store)
    assert cell == store.folder(probe_cell(resolved))
    found: dict[str, Any] = json.loads((cell / "probes.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.usefixtures("few")
def test_what_it_leaves_with_and_without_a_cache(resolved: Resolved, prepared: Any, tmp_path: Path) -> None:
    cached, live = (study(resolved, cached=cached) for cached in (True, False))
    found = probed(cached, prepared_store(cached, prepared, tmp_path / "cached"))
    assert found["layers"] == [1, 2, 3, 4] and found["seeds"] == 3 and found["tokens"] == 4
    assert [b["name"] for b in found["benchmarks"]] == BENCHMARKS and found["skipped"] == {}
    colour, _, own = found["benchmarks"]
    assert (colour["category"], colour["n"], colour["images"], colour["words"]) == ("colour", 4, 4, 0)
    assert own["n"] == 8 and own["words"] > 0, "its two questions have different words"
    assert [row["layer"] for row in colour["layers"]] == [1, 2, 3, 4]
    assert all(0 <= row["accuracy"] <= 1 and row["sd"] >= 0 for row in colour["layers"])
    assert found == probed(live, prepared_store(live, prepared, tmp_path / "live")), "of the same features"


def test_a_kind_with_too_few_questions_is_left_out_and_named(
    resolved: Resolved, prepared: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = study(resolved, cached=False)
    found = probed(live, prepared_store(live, prepared, tmp_path))
    assert found["benchmarks"] == [] and set(found["skipped"]) == set(BENCHMARKS)
    assert "a probe needs 50 and 20" in found["skipped"]["own:colour"]
    assert "no probes for own:colour: " in caplog.text


def test_a_study_without_probes_makes_no_cell(resolved: Resolved, tmp_path: Path) -> None:
    none = study(resolved, cached=False, probes=False)
    assert steps.probe_layers(none, Store(tmp_path)) is None
    assert not (tmp_path / "cells").exists()
