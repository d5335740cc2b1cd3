"""What each field of an experiment makes stale, and what must leave every cell as it is."""

from typing import Any

import pytest

from shallowsight.store import cells
from shallowsight.store.cells import Cell, analyze_cell, encode_cell, evaluate_cell, prepare_cell, stage_cell
from shallowsight.study.experiment import Experiment
from shallowsight.study.overrides import _leaf_keys, load_study
from shallowsight.study.resolved import Resolved, SourceFacts, TowerFacts
from shallowsight.study.settings import Setting
from shallowsight.study.study import Study

STEPS = ("prepare", "analyze", "encode", "pretrain", "finetune", "evaluate")
ALL = set(STEPS)
TRAINED = {"pretrain", "finetune", "evaluate"}
NONE: set[str] = set()

# Key -> (another value, the steps that it makes stale).
FIELDS: dict[str, tuple[object, set[str]]] = {
    "name": ("other", NONE),
    "vision.tower": ("/another/folder", NONE),  # the tower's digest counts, not where it lies
    "vision.revision": ("abc", NONE),  # as above
    "vision.layers": ("9", NONE),  # the members of a study have their own
    "vision.features": ("cls_patch", ALL - {"prepare", "analyze"}),
    "vision.image_size": (196, ALL - {"prepare"}),
    "vision.normalize": (False, ALL - {"prepare", "analyze"}),
    "vision.pool": (1, ALL - {"prepare", "analyze"}),
    "fusion.kind": ("concat", NONE),  # as the layers
    "connector.kind": ("linear", TRAINED),
    "language.model": ("some/model", NONE),  # its digest counts, not where it lies
    "language.revision": ("abc", NONE),  # as above
    "language.width": (64, TRAINED),
    "language.depth": (3, TRAINED),
    "language.heads": (2, TRAINED),
    "language.vocabulary": (500, ALL),
    "language.max_length": (200, TRAINED),
    "data.pretrain": (["scenes"], ALL),
    "data.finetune": (["scenes"], ALL),
    "data.test": (["scenes"], ALL),
    "data.images": ("/another/folder", NONE),
    "data.pretrain_images": ("/another/folder", NONE),  # the sources' digests are over the pictures
    "data.scenes_train": (161, NONE),  # the sources' digests count; as the next three
    "data.scenes_test": (41, NONE),
    "data.easy_vqa_train": (21, NONE),
    "data.easy_vqa_test": (11, NONE),
    "data.turns": ("alone", ALL),
    "data.max_bad_share": (0.5, ALL),
    "data.max_leaked_images": (1, ALL),
    "data.decode": ("header", ALL),
    "data.refuse_conversions": (["roles"], ALL),
    "data.expectations": ("/another/file.yaml", NONE),  # its content counts, in the sources' digests
    "benchmarks": (["scenes_ocr"], {"evaluate"}),
    "seed": (5, NONE),  # as the layers
}
STAGE_FIELDS: dict[str, object] = {
    "learning_rate": 5e-4,
    "global_batch": 8,
    "updates": 7,
    "epochs": 2,
    "warmup": 0.5,
    "weight_decay": 0.3,
    "clip": 2.0,
    "template": "v1",
    "picture": "crop",
    "order": "by_length",
    "packed": True,
    "zero": 3,
    "precision": "bfloat16",
    "checkpointing": True,
    "connector_learning_rate": 2e-4,
    "lora.alpha": 5.0,
    "lora.dropout": 0.5,
}
FIELDS |= {f"pretrain.{key}": (value, TRAINED) for key, value in STAGE_FIELDS.items()}
FIELDS |= {f"finetune.{key}": (value, TRAINED - {"pretrain"}) for key, value in STAGE_FIELDS.items()}
FIELDS["finetune.lora.rank"] = (8, TRAINED - {"pretrain"})
# What the tower sees is what finetuning and evaluation show it; a cache is made so too, and then pretraining reads it.
FIELDS["finetune.picture"] = ("crop", {"analyze", "encode", "finetune", "evaluate"})
ALSO_WHEN_CACHED = {"finetune.picture": {"pretrain"}}
REFUSED = {"pretrain.lora.rank"}

TOWER = TowerFacts(
    name="tower", family="dinov2", depth=12, width=384, patch=14, has_class_token=True, digest="sha256:aa"
)


def facts(digest: str) -> SourceFacts:
    return SourceFacts(digest=digest, train_rows=10, test_rows=5, images=15)


def resolved(*words: str, cache: bool = True, **changes: Any) -> Resolved:
    study = load_study("quick", words, lambda _: 12)
    sources = {name: facts(f"digest of {name}") for name in ("scenes", "scenes-captions", "easy-vqa")}
    return Resolved(
        study=study, tower=TOWER, language_digest="scratch", sources=sources, cache_features=cache
    ).model_copy(update=changes)


def digests(resolved: Resolved, setting: str = "6", seed: int = 0) -> dict[str, str]:
    parsed = Setting.parse(setting)
    made = [
        prepare_cell(resolved),
        analyze_cell(resolved),
        encode_cell(resolved, parsed.layers.deepest),
        stage_cell(resolved, parsed, seed, "pretrain"),
        stage_cell(resolved, parsed, seed, "finetune"),
        evaluate_cell(resolved, parsed, seed),
    ]
    assert tuple(cell.step for cell in made) == STEPS
    return {cell.step: cell.digest for cell in made}


def stale(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {step for step in before if before[step] != after[step]}


def test_every_field_is_spoken_of() -> None:
    assert set(FIELDS) | REFUSED == set(_leaf_keys(Experiment)) and not set(FIELDS) & REFUSED


@pytest.mark.parametrize("cache", [True, False], ids=["cached", "live"])
@pytest.mark.parametrize("key", FIELDS)
def test_a_field_makes_stale_what_it_can_change(key: str, cache: bool) -> None:
    value, expected = FIELDS[key]
    if cache:
        expected = expected | ALSO_WHEN_CACHED.get(key, NONE)
    base = resolved("pretrain.zero=2", "finetune.zero=2", cache=cache)  # 0 does not go with bfloat16
    raw = base.model_dump(mode="json")
    *parts, last = key.split(".")
    place = raw["study"]["base"]
    for part in parts:
        place = place[part]
    assert place[last] != value
    place[last] = value
    if last == "epochs":
        place["updates"] = None
    changed = base.model_copy(update={"study": _study(raw["study"])})
    assert changed != base
    assert stale(digests(base), digests(changed)) == expected


def _study(raw: dict[str, Any]) -> Study:
    if raw["base"]["fusion"]["kind"] == "concat":
        raw["base"]["vision"]["layers"] = "3,8"
    return Study.model_validate(raw)


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
    other = resolved("settings=3 9", "seeds=4 5", "name=other")
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
    live = r.model_copy(update={"cache_features": False})
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
