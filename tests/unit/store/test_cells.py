"""What makes cells stale besides fields of an experiment, what leaves them as they are, and what they are called."""

from typing import Any

import pytest
from study_digests import ALL, NONE, STEPS, TOWER, TRAINED, digests, facts, resolved, stale

from shallowsight.store import cells
from shallowsight.store.cells import (
    Cell,
    analyze_cell,
    encode_cell,
    evaluate_cell,
    prepare_cell,
    probe_cell,
    stage_cell,
)
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting


@pytest.mark.parametrize("cache", [True, False], ids=["cached", "live"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"tower": TOWER.model_copy(update={"digest": "sha256:bb"})}, ALL - {"prepare"}, id="tower weights"
        ),
        pytest.param({"tower": TOWER.model_copy(update={"name": "/elsewhere"})}, NONE, id="tower path"),
        # Its tokenizer is part of the prepared data.
        pytest.param({"language_digest": "sha256:cc"}, ALL, id="language weights"),
    ],
)
def test_the_tower_counts_by_its_weights(changes: dict[str, Any], expected: set[str], cache: bool) -> None:
    assert stale(digests(resolved(cache=cache)), digests(resolved(cache=cache, **changes))) == expected


def own(path: str, digest: str) -> Resolved:
    words = [f"data.{use}={path}/a.json" for use in ("pretrain", "finetune", "test")]
    return resolved(*words, f"data.images={path}", sources={f"{path}/a.json": facts(digest)})


def test_files_count_by_their_content() -> None:
    assert stale(digests(own("/one", "x")), digests(own("/two", "x"))) == NONE
    assert stale(digests(own("/one", "x")), digests(own("/one", "y"))) == ALL


@pytest.mark.parametrize("use", ["pretrain", "finetune", "test"])
def test_which_file_is_for_what_counts(use: str) -> None:
    sources = {name: facts(name) for name in ("/a.json", "/b.json")}
    words = [f"data.{u}=/a.json" for u in ("pretrain", "finetune", "test")]
    base = resolved(*words, "data.images=/", sources=sources)
    other = resolved(*words, f"data.{use}=/b.json", "data.images=/", sources=sources)
    assert stale(digests(base), digests(other)) == ALL


def test_a_seed_makes_trained_cells_stale_alone() -> None:
    assert stale(digests(resolved(), seed=0), digests(resolved(), seed=1)) == TRAINED


def test_other_members_and_names_change_nothing() -> None:
    other = resolved("settings=3 9", "seeds=4 5", "name=other", "probes=true")
    assert stale(digests(resolved()), digests(other)) == NONE


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        pytest.param("7", TRAINED | {"encode"}, id="layer"),
        pytest.param("6:concat", TRAINED, id="fusion"),
        pytest.param("3,6", TRAINED, id="one layer more"),
    ],
)
def test_a_setting_makes_its_own_cells(setting: str, expected: set[str]) -> None:
    assert stale(digests(resolved()), digests(resolved(), setting)) == expected


@pytest.mark.parametrize("step", STEPS)
def test_code_and_packages_count(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Cell.make(step, {})
    modules, packages = cells._CODE[step]
    for module in modules:
        with monkeypatch.context() as patch:
            patch.setattr(cells, "code_digest", lambda m, edited=module: "edited" if m == edited else m)
            edited = Cell.make(step, {})
        with monkeypatch.context() as patch:
            patch.setattr(cells, "code_digest", lambda m: m)
            assert Cell.make(step, {}).digest != edited.digest
    with monkeypatch.context() as patch:
        patch.setattr(cells, "versions_of", lambda *names: dict.fromkeys(names, "0"))
        assert Cell.make(step, {}).digest != before.digest
    assert packages and Cell.make(step, {}) == before


def test_an_evaluation_depends_on_what_lmms_eval_imports_by_name() -> None:
    modules = cells._CODE["evaluate"][0]
    assert "shallowsight.evaluate.adapter" in modules and "shallowsight.evaluate.local_task" in modules


def test_steps_with_equal_inputs_have_cells_of_their_own() -> None:
    assert Cell.make("pretrain", {}).digest != Cell.make("finetune", {}).digest


def test_parents() -> None:
    r, setting = resolved(), Setting.parse("3,6")
    prepare, three, six = prepare_cell(r), encode_cell(r, 3), encode_cell(r, 6)
    pretrain, finetune = stage_cell(r, setting, 0, "pretrain"), stage_cell(r, setting, 0, "finetune")
    first = (prepare.digest, three.digest, six.digest)
    assert prepare.parents == () and six.parents == analyze_cell(r).parents == (prepare.digest,)
    assert pretrain.parents == first
    assert finetune.parents == (*first, pretrain.digest), "the pretrain cell comes last"
    assert evaluate_cell(r, setting, 0).parents == (*first, finetune.digest)
    assert probe_cell(r).parents == (prepare.digest, *(encode_cell(r, layer).digest for layer in range(1, 13)))
    live = r.model_copy(update={"cache_features": False})
    assert probe_cell(live).parents == (prepare.digest,)
    assert stage_cell(live, setting, 0, "pretrain").parents == (prepare.digest,)


def test_how_a_cell_is_called() -> None:
    r, setting = resolved(), Setting.parse("3,6")
    assert str(prepare_cell(r)) == "prepare"
    assert str(encode_cell(r, 3)) == "encode layer 3"
    assert str(stage_cell(r, setting, 0, "finetune")) == "finetune 3,6:concat seed 0"


def test_rows_and_images() -> None:
    r = resolved()
    assert (r.rows("pretrain"), r.rows("finetune"), r.images) == (10, 20, 45)
    assert resolved("data.pretrain=").rows("pretrain") == 20, "no sources of its own: those of finetune"


def test_resolved_survives_json() -> None:
    assert Resolved.model_validate_json(resolved().model_dump_json()) == resolved()
