"""What an experiment and a study may hold, and the words of every refusal."""

from typing import Any

import pytest
from pydantic import ValidationError

from shallowsight.study.data import Data
from shallowsight.study.experiment import Experiment, Language
from shallowsight.study.experiments import DEMO, EXPERIMENTS, STUDIES
from shallowsight.study.layers import Layers
from shallowsight.study.settings import Setting
from shallowsight.study.study import Study


def refusal(kind: type[Any], base: Any, changes: dict[str, Any]) -> str:
    raw = base.model_dump(mode="json") | changes
    with pytest.raises(ValidationError) as refused:
        kind.model_validate(raw)
    return str(refused.value)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_named_experiments_survive_json(name: str) -> None:
    experiment = EXPERIMENTS[name]
    assert experiment.name == name
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment


@pytest.mark.parametrize("name", STUDIES)
def test_named_studies_survive_json(name: str) -> None:
    study = STUDIES[name]
    assert study.name == name and study.base.name == name
    assert Study.model_validate_json(study.model_dump_json()) == study


def test_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        DEMO.seed = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"visoin": {}}, "Extra inputs are not permitted", id="unknown field"),
        pytest.param({"vision": {"layer": 3}}, "Extra inputs are not permitted", id="unknown field inside"),
        pytest.param({"vision": {"layers": "0"}}, "layers are written 18 or 3,18,23 or 13-20", id="layer 0"),
        pytest.param({"vision": {"layers": "3,8"}}, "fusion 'single' takes one layer, got 3,8", id="single of two"),
        pytest.param({"vision": {"features": "cls"}}, "'patch' or 'cls_patch'", id="features"),
        pytest.param({"vision": {"pool": 0}}, "greater than 0", id="pool"),
        pytest.param({"fusion": {"kind": "add"}}, "no fusion 'add'; choose from single", id="fusion"),
        pytest.param({"connector": {"kind": "mlp"}}, "no connector 'mlp'; choose from linear", id="connector"),
        pytest.param({"benchmarks": ["scenes_ocrr"]}, "did you mean 'scenes_ocr'?", id="benchmark typo"),
        pytest.param({"seed": -1}, "greater than or equal to 0", id="seed"),
        pytest.param(
            {"data": {"finetune": []}}, "data.finetune and data.test each name at least one", id="no training"
        ),
        pytest.param({"data": {"test": []}}, "data.finetune and data.test each name at least one", id="no test"),
        pytest.param(
            {"data": {"finetune": ["a.json"]}}, "data.images: name the folder of the pictures in a.json", id="no folder"
        ),
        pytest.param({"data": {"pretrain": ["a.json"]}}, "data.images: name the folder of", id="no folder, pretrain"),
        pytest.param(
            {"data": {"finetune": ["a.json"], "pretrain_images": "x"}},
            "data.images: name the folder of the pictures in a.json",
            id="a folder of pretraining is for files of pretraining",
        ),
        pytest.param(
            {"data": {"pretrain": ["a.json", "b.json"], "test": ["b.json"], "pretrain_images": "x"}},
            "data.images: name the folder of the pictures in a.json, b.json",
            id="a file of both",
        ),
        pytest.param({"data": {"max_bad_share": 1.5}}, "less than or equal to 1", id="share"),
        pytest.param({"language": {"heads": 3}}, "language.width=128 does not divide", id="heads"),
        pytest.param({"language": {"width": 20, "heads": 4}}, "language.width=20 does not divide", id="odd heads"),
    ],
)
def test_experiment_refuses(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(Experiment, DEMO, changes)


def test_adapters_are_for_finetuning_alone() -> None:
    stage = {"learning_rate": 1e-3, "global_batch": 8, "updates": 1, "lora": {"rank": 8}}
    assert "pretrain.lora.rank: the language model is frozen while pretraining; use finetune.lora" in refusal(
        Experiment, DEMO, {"pretrain": stage}
    )
    found = Experiment.model_validate(DEMO.model_dump(mode="json") | {"finetune": stage})
    assert (found.finetune.lora.rank, found.pretrain.lora.rank) == (8, 0)
    stage["lora"] = {"rank": 0, "alpha": 3.0}
    assert Experiment.model_validate(DEMO.model_dump(mode="json") | {"pretrain": stage}), "none are asked for"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"pretrain": ("a.json",), "pretrain_images": "x"}, id="a file of pretraining in its own folder"),
        pytest.param({"pretrain": ("a.json",), "images": "x"}, id="in the folder of all"),
        pytest.param({"pretrain_images": "x"}, id="no files"),
        pytest.param({"finetune": ("a.json",), "images": "x", "pretrain_images": "y"}, id="a folder for nothing"),
    ],
)
def test_data_accepts(changes: dict[str, Any]) -> None:
    assert Data(**changes)


@pytest.mark.parametrize(
    ("changes", "folders"),
    [
        pytest.param({"pretrain_images": "own"}, {"p": "own", "f": "all", "t": "all", "both": "all"}, id="two folders"),
        pytest.param({}, dict.fromkeys(("p", "f", "t", "both"), "all"), id="left out"),
        pytest.param({"pretrain_images": ""}, dict.fromkeys(("p", "f"), "all"), id="empty"),
    ],
)
def test_where_the_paths_of_a_file_start(changes: dict[str, Any], folders: dict[str, str]) -> None:
    uses = {"pretrain": ("p", "both"), "finetune": ("f", "both"), "test": ("t",)}
    data = Data(**uses, images="all", **changes)
    assert {file: data.folder_of(file) for file in folders} == folders


def test_a_file_tested_on_is_of_the_folder_of_all() -> None:
    data = Data(pretrain=("a",), finetune=("f",), test=("a",), images="all", pretrain_images="own")
    assert data.folder_of("a") == "all"


def test_pretraining_alone_may_have_the_only_folder() -> None:
    assert Data(pretrain=("p",), pretrain_images="own").folder_of("p") == "own"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"settings": []}, "a study needs at least one setting", id="no settings"),
        pytest.param(
            {"settings": ["lsat"]}, "the words groups, thirds, former, latter, all, penultimate, last are", id="word"
        ),
        pytest.param({"seeds": []}, "seeds must be distinct and at least one, got ()", id="no seeds"),
        pytest.param({"seeds": [1, 1]}, "seeds must be distinct and at least one, got (1, 1)", id="seed twice"),
        pytest.param({"seeds": [-1]}, "greater than or equal to 0", id="negative seed"),
        pytest.param({"more_seeds": [1]}, "more_seeds must be distinct and none of seeds", id="a seed in both"),
        pytest.param({"more_seeds": [5, 5]}, "more_seeds must be distinct", id="a seed in reserve twice"),
        pytest.param({"added": ["9"], "more_seeds": [5]}, "write SETTING=SEEDS", id="added without a seed"),
        pytest.param({"added": ["last=5"], "more_seeds": [5]}, "write SETTING=SEEDS", id="added to a word"),
        pytest.param({"added": ["9=x"], "more_seeds": [5]}, "got '9=x'", id="added what is no seed"),
        pytest.param({"added": ["9=6"], "more_seeds": [5, 6]}, "in the order of more_seeds, [5, 6]", id="not in order"),
        pytest.param({"added": ["9=5"]}, "in the order of more_seeds, []", id="added without a reserve"),
        pytest.param({"added": ["9=5", "9=5"], "more_seeds": [5]}, "each setting once", id="added twice"),
        pytest.param({"base": None}, "valid dictionary", id="no base"),
    ],
)
def test_study_refuses(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(Study, STUDIES["demo"], changes)


@pytest.mark.parametrize(
    ("value", "settings"),
    [
        pytest.param("6 last", ("6", "last"), id="spaces"),
        pytest.param("6, last", ("6", "last"), id="comma and space"),
        pytest.param("3,8 last", ("3,8:concat", "last"), id="comma inside a setting"),
        pytest.param(6, ("6",), id="number"),
        pytest.param([6, "3,8"], ("6", "3,8:concat"), id="list"),
    ],
)
def test_settings_are_read_as_people_write_them(value: object, settings: tuple[str, ...]) -> None:
    raw = STUDIES["demo"].model_dump(mode="json") | {"settings": value}
    assert Study.model_validate(raw).settings == settings


@pytest.mark.parametrize("value", ["0 3", "0, 3", [0, 3], [0.0, 3.0]], ids=repr)
def test_seeds_are_read_as_people_write_them(value: object) -> None:
    raw = STUDIES["demo"].model_dump(mode="json") | {"seeds": value}
    assert Study.model_validate(raw).seeds == (0, 3)


def test_one_seed_may_be_a_number() -> None:
    assert Study.model_validate(STUDIES["demo"].model_dump(mode="json") | {"seeds": 7}).seeds == (7,)


def test_at_changes_setting_and_seed_alone() -> None:
    moved = DEMO.at(Setting(Layers.of(3, 8), "concat"), 5)
    assert (str(moved.vision.layers), moved.fusion.kind, moved.seed) == ("3,8", "concat", 5)
    assert moved.setting == Setting(Layers.of(3, 8), "concat")
    assert moved.at(DEMO.setting, DEMO.seed) == DEMO


def test_stage_by_name() -> None:
    assert DEMO.stage("pretrain") is DEMO.pretrain and DEMO.stage("finetune") is DEMO.finetune


def test_files_are_the_users_own_each_once() -> None:
    data = Data(pretrain=("b.json", "scenes"), finetune=("a.json", "easy-vqa"), test=("a.json",), images="x")
    assert data.files == ("b.json", "a.json")
    assert Data().files == ()


def test_heads_matter_for_a_scratch_model_only() -> None:
    assert Language(model="some/model", width=20, heads=3)


@pytest.mark.parametrize("value", ["3 3", "3,6 3,6:concat", "last last"])
def test_a_setting_is_named_once(value: str) -> None:
    assert "name each setting once" in refusal(Study, STUDIES["demo"], {"settings": value})


def test_seeds_of_a_setting_are_those_of_all_and_those_that_it_was_given() -> None:
    raw = STUDIES["demo"].model_dump(mode="json") | {"seeds": "0 1", "more_seeds": "5 3", "added": "9=5,3 3,8=5"}
    study = Study.model_validate(raw)
    assert study.looks == 3 and STUDIES["demo"].looks == 1
    assert study.seeds_of(Setting.parse("9")) == (0, 1, 5, 3)
    assert study.seeds_of(Setting.parse("3,8:concat")) == (0, 1, 5)
    assert study.seeds_of(Setting.parse("7")) == (0, 1)
