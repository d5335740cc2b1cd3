"""What a person writes in YAML: keys in any form, paths that start at the file, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
from loaded import ALL_EXPERIMENTS, experiment, study

from shallowsight.errors import ConfigurationError
from shallowsight.study.experiments import EXPERIMENTS
from shallowsight.study.overrides import load_study

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to(text: str, name: str = "mine.yaml") -> str:
        path = tmp_path / "configs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path)

    return to


def test_yaml_nested_dotted_and_lists(write: Write) -> None:
    text = """
base: quick
set:
  vision: {layers: [3, -1], image_size: 56}
  fusion.kind: concat
  finetune:
    epochs: 2
    learning_rate: 1e-3
  data.test: [scenes]
"""
    found = experiment(name=write(text))
    assert found.name == "mine", "the file's name is the experiment's"
    assert (str(found.vision.layers), found.vision.image_size, found.fusion.kind) == ("3,12", 56, "concat")
    assert (found.finetune.updates, found.finetune.epochs, found.finetune.learning_rate) == (None, 2.0, 1e-3)
    assert found.data.test == ("scenes",)
    assert found.pretrain == EXPERIMENTS["quick"].pretrain


def test_yaml_of_a_study_and_words_over_it(write: Write) -> None:
    path = write("base: quick\nset:\n  settings: [3, last]\n  seeds: [0, 1, 2]\n  finetune.updates: 9\n")
    found = study("finetune.updates=4", "name=other", name=path)
    assert found.settings == ("3", "last") and found.seeds == (0, 1, 2)
    assert found.base.finetune.updates == 4 and found.name == "other"


@pytest.mark.parametrize("text", ["base: quick\n", "base: quick\nset:\n", "base: quick\nset: {}\n"], ids=repr)
def test_yaml_without_changes(write: Write, text: str) -> None:
    found = experiment(name=write(text))
    assert found == EXPERIMENTS["quick"].model_copy(update={"name": "mine"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("base: [unclosed", "is not YAML", id="broken"),
        pytest.param(
            "- a\n- b\n",
            f"write `base:` (one of {ALL_EXPERIMENTS}) and `set:` (keys and values), found list",
            id="list",
        ),
        pytest.param("just text", "found str", id="text"),
        pytest.param("", "mine.yaml is empty", id="empty"),
        pytest.param(
            "base: quick\nset:\n  seed: 1\n  seed: 2\n", "the key 'seed' is in lines 3 and 4", id="a key twice"
        ),
        pytest.param(
            "base: quick\nset: {finetune.updates: 3, finetune: {epochs: 20}}\n",
            "finetune.updates and finetune.epochs: give one of the two",
            id="two lengths",
        ),
        pytest.param(
            "base: quick\nset: {finetune: {updates: 3}, finetune.updates: 4}\n",
            "finetune.updates is given twice, with and without a dot; give it once",
            id="a key in two forms",
        ),
        pytest.param("base: quick\nsets: {}\n", "found the keys base, sets", id="unknown part"),
        pytest.param("set: {seed: 1}\n", "found the keys set", id="no base"),
        pytest.param("base: qick\n", f"'qick', did you mean 'quick'? choose from {ALL_EXPERIMENTS}", id="unknown base"),
        pytest.param("base: [quick]\n", f"write `base:` (one of {ALL_EXPERIMENTS})", id="base is a list"),
        pytest.param(
            "base: quick\nset: [seed=1]\n",
            f"write `base:` (one of {ALL_EXPERIMENTS}) and `set:` (keys",
            id="set is a list",
        ),
        pytest.param(
            "base: quick\nset: seed=1\n", f"write `base:` (one of {ALL_EXPERIMENTS}) and `set:` (keys", id="set is text"
        ),
        pytest.param(
            "base: quick\nset: {vision: {layer: 3}}\n", "unknown key 'vision.layer'; did you mean", id="nested key"
        ),
        pytest.param("base: quick\nset: {1: 2}\n", "unknown key '1'", id="number as key"),
        pytest.param("base: quick\nset: {vision: null}\n", "unknown key 'vision'", id="part without keys"),
    ],
)
def test_yaml_refused(write: Write, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        experiment(name=write(text))
    assert message in str(refused.value)


def test_yaml_of_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes("base: qu\u00efck".encode("utf-16"))
    with pytest.raises(ConfigurationError, match=r"mine\.yaml is not YAML"):
        experiment(name=str(path))


@pytest.mark.parametrize(
    "sources", ["a.json scenes", "a.json, scenes", "[a.json, scenes]", "['a.json', scenes]"], ids=repr
)
def test_paths_in_a_file_start_at_the_file(write: Write, tmp_path: Path, sources: str) -> None:
    path = write(
        f"base: quick\nset:\n  data:\n    finetune: {sources}\n    images: ../pictures\n    expectations: my.yaml\n"
    )
    found = experiment(name=path)
    assert found.data.finetune == (str(tmp_path / "configs" / "a.json"), "scenes")
    assert found.data.images == str(tmp_path / "pictures")
    assert found.data.expectations == str(tmp_path / "configs" / "my.yaml")


@pytest.mark.parametrize("nested", [True, False], ids=["nested", "dotted"])
def test_the_folder_of_pretraining_in_a_file_starts_at_the_file(write: Write, tmp_path: Path, nested: bool) -> None:
    keys = {"pretrain": "captions.json", "pretrain_images": "../558k", "images": "pictures"}
    lines = [f"    {key}: {value}" if nested else f"  data.{key}: {value}" for key, value in keys.items()]
    found = experiment(name=write("\n".join(["base: quick", "set:", *(["  data:"] if nested else []), *lines]))).data
    assert found.pretrain_images == str(tmp_path / "558k") and found.images == str(tmp_path / "configs" / "pictures")
    assert found.folder_of(str(tmp_path / "configs" / "captions.json")) == str(tmp_path / "558k")


def test_adapters_in_a_file(write: Write) -> None:
    found = experiment(name=write("base: quick\nset:\n  finetune: {lora: {rank: 64}, zero: 3}\n")).finetune
    assert (found.lora.rank, found.lora.alpha, found.lora.dropout, found.zero) == (64, 16.0, 0.05, 3)


def test_absolute_paths_in_a_file_stay(write: Write) -> None:
    found = experiment(name=write("base: quick\nset: {data: {test: /x/a.json, images: /x/y}}\n"))
    assert found.data.test == ("/x/a.json",) and found.data.images == "/x/y"


def test_no_folder_of_pictures_in_a_file_stays_none(write: Write) -> None:
    found = experiment(name=write("base: quick\nset: {data: {images: null, pretrain_images: null}}\n"))
    assert found.data.images is None and found.data.pretrain_images is None


def test_model_folders_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "tower").mkdir()
    (tmp_path / "a b.json").write_text("[]")
    (tmp_path / "my.yaml").write_text(
        "base: demo\nset:\n  vision.tower: tower\n  language.model: owner/name\n"
        "  data.images: .\n  data.finetune: a b.json\n  data.test: scenes, easy-vqa\n"
    )
    base = load_study(str(tmp_path / "my.yaml"), [], lambda _: 12).base
    assert base.vision.tower == str(tmp_path / "tower")
    assert base.language.model == "owner/name"
    assert base.data.finetune == (str(tmp_path / "a b.json"),)
    assert base.data.test == ("scenes", "easy-vqa")


def test_paths_given_as_words_are_left_alone(write: Write) -> None:
    words = ["data.test=a.json", "data.images=y", "data.pretrain_images=z"]
    found = experiment(*words, name=write("base: quick\n"))
    assert found.data.test == ("a.json",) and (found.data.images, found.data.pretrain_images) == ("y", "z")


@pytest.mark.parametrize("first", ["updates: 3", "epochs: 20"])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["finetune.epochs=20", "finetune.updates=3"], (3, None)),
        (["finetune.updates=3", "finetune.epochs=20"], (None, 20)),
        (["finetune.updates=3"], (3, None)),
    ],
)
def test_the_last_word_on_the_length_of_a_stage_counts(
    write: Write, first: str, words: list[str], expected: tuple[int | None, float | None]
) -> None:
    found = experiment(*words, name=write(f"base: quick\nset:\n  finetune: {{{first}}}\n")).finetune
    assert (found.updates, found.epochs) == expected
