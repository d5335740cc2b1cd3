"""What a cluster is asked for: the very study that the file means here, or a refusal."""

from pathlib import Path

import pytest

from shallowsight.cluster.submission.study import Kind, request, words_for
from shallowsight.errors import ConfigurationError
from shallowsight.study.overrides import load_experiment, load_study


def no_depth(tower: str) -> int:
    raise AssertionError(tower)


FILE = """base: demo
set:
  settings: ["3", "3,6:concat", last]
  seeds: [7]
  data: {pretrain: [], finetune: [/mnt/a b.json, scenes], test: [scenes], images: "/mnt/pictures"}
  finetune.learning_rate: 1.0e-05
  finetune.lora: {rank: 8, dropout: 0}
  pretrain: {epochs: 1.5}
  language.revision: null
  vision.normalize: false
"""


def test_a_file_travels_as_words_that_mean_the_same(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(FILE)
    asked = request("study", str(path), ["vision.pool=1", "seeds=9"], 0)
    assert asked.name == "demo"
    assert str(tmp_path) not in " ".join(asked.words)
    assert load_study("demo", asked.words, no_depth) == load_study(str(path), ["vision.pool=1", "seeds=9"], no_depth)
    assert (load_study("demo", asked.words, no_depth).name, asked.words[-1]) == ("mine", "seeds=9")


@pytest.mark.parametrize(
    ("value", "word"),
    [
        pytest.param("3,8", "k=3,8", id="plain"),
        pytest.param("3", 'k="3"', id="a text like a number"),
        pytest.param("", 'k=""', id="empty text"),
        pytest.param("a: b", 'k="a: b"', id="a text like a mapping"),
        pytest.param("[", 'k="["', id="a text that is no YAML"),
        pytest.param(None, "k=null", id="null"),
        pytest.param([], "k=[]", id="empty list"),
        pytest.param(True, "k=true", id="true"),
    ],
)
def test_words(value: object, word: str) -> None:
    assert words_for({"k": value}) == (word,)


def test_names_and_words_pass_unchanged() -> None:
    assert request("study", "demo", ["settings=-1 3"], 0).words == ("settings=-1 3",)
    asked = request("experiment", "quick", ["vision.layers=-1"], 0)
    assert load_experiment(asked.name, asked.words, lambda _: 12).vision.layers.deepest == 12


BUCKET_WORDS = [
    "data.pretrain=[]",
    "data.finetune=s3://data/train.json",
    "data.test=s3://data/test.jsonl",
    "data.images=s3://data/pictures",
    "vision.tower=s3://models/clip",
    "language.model=s3://models/llama",
]


def test_data_and_models_in_a_bucket_are_left_to_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine may neither reach the bucket nor have its keys."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    asked = request("study", "demo", BUCKET_WORDS, 0)
    assert asked.words == tuple(BUCKET_WORDS)
    assert load_study(asked.name, asked.words, no_depth).base.data.images == "s3://data/pictures"


@pytest.mark.parametrize(
    ("kind", "word"), [("study", "settings=-2 3"), ("experiment", "vision.layers=-2"), ("study", "settings=3,-1")]
)
def test_layers_from_the_end_of_a_tower_in_a_bucket(kind: Kind, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(ConfigurationError, match=r"'s3://models/clip'.* write the layer's number, or last$"):
        request(kind, "demo", [*BUCKET_WORDS, word], 0)
    assert request("study", "demo", [*BUCKET_WORDS, "settings=3 last"], 0).words[-1] == "settings=3 last"


def test_pictures_in_a_bucket_of_records_in_a_folder() -> None:
    with pytest.raises(ConfigurationError, match="put both in a bucket, or both in a folder"):
        request("study", "demo", [*BUCKET_WORDS, "data.test=/mnt/test.json"], 0)


BAD_FILES = [
    pytest.param(
        "set: {data.images: pictures}", ["data.images: 'pictures' is relative", "s3://bucket/path"], id="pictures"
    ),
    pytest.param(
        "set: {data: {finetune: [scenes, train.json], images: /mnt/x}}", ["data.finetune: 'train.json'"], id="records"
    ),
    pytest.param("set: {data.expectations: r.yaml}", ["data.expectations: 'r.yaml' is relative"], id="expectations"),
    pytest.param("set: {vision.tower: tower}", ["vision.tower: 'tower' is relative"], id="tower"),
    pytest.param("set: {settings: [13]}", ["mine.yaml: ", "layers 1 to 12"], id="layer 13 of 12"),
    pytest.param("set: {vision.layer: 3}", ["unknown key 'vision.layer'"], id="unknown key"),
    pytest.param("set: 3", ["write keys and values below `set:`"], id="set is no mapping"),
    pytest.param("sets: {}", ["write `base:` (a name) and `set:`"], id="another key"),
    pytest.param("set: {seeds: 1, seeds: 2}", ["the key 'seeds' is in lines 2 and 2"], id="key twice"),
    pytest.param("set: [", ["is not YAML"], id="no YAML"),
]


@pytest.mark.parametrize(("text", "says"), BAD_FILES)
def test_files_that_are_refused(tmp_path: Path, text: str, says: list[str]) -> None:
    (tmp_path / "tower").mkdir()
    (tmp_path / "mine.yaml").write_text(f"base: demo\n{text}\n")
    with pytest.raises(ConfigurationError) as refused:
        request("study", str(tmp_path / "mine.yaml"), [], 0)
    for words in says:
        assert words in str(refused.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no file"):
        request("study", str(tmp_path / "none.yaml"), [], 0)


def test_gpus_share_a_batch_evenly() -> None:
    request("study", "demo", [], 8)
    with pytest.raises(ConfigurationError, match=r"pretrain.global_batch=16 does not divide among 3 processes"):
        request("study", "demo", [], 3)


def test_settings_of_an_experiment_are_checked_too() -> None:
    with pytest.raises(ConfigurationError, match="layers 1 to 12"):
        request("experiment", "demo", ["vision.layers=13"], 0)


def test_a_tower_that_only_the_cluster_has_is_left_to_it() -> None:
    assert request("study", "demo", ["vision.tower=/mnt/tower", "settings=40"], 0).name == "demo"


def test_what_a_template_would_rewrite_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="would replace the text between"):
        request("study", "demo", ["name={{workflow.name}}"], 0)
