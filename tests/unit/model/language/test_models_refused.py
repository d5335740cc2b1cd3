"""Models that would fail once their weights are loaded: refused by a dry run, in one sentence."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from model_folders import change_json, write_json
from refusals import with_language, with_tower
from safetensors.numpy import save_file

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 1234\n"
WHOLE = "model.safetensors"


def test_what_is_good_is_taken(language: Path, tower: Path) -> None:
    assert with_language(language) == ""
    assert with_tower(tower) == ""


def in_shards(folder: Path, *written: int) -> None:
    (folder / WHOLE).unlink()
    names = {number: f"model-{number:05}-of-00002.safetensors" for number in (1, 2)}
    write_json(folder / f"{WHOLE}.index.json", {"weight_map": {"a": names[1], "b": names[2]}})
    for number in written:
        save_file({"ab"[number - 1]: np.ones(3, np.float32)}, folder / names[number])


def cut(folder: Path, by: int) -> None:
    data = (folder / WHOLE).read_bytes()
    (folder / WHOLE).write_bytes(data[: len(data) - by])


def only_pickled(folder: Path) -> None:
    (folder / WHOLE).rename(folder / "pytorch_model.bin")


WEIGHTS = [
    pytest.param(lambda f: (f / WHOLE).write_bytes(POINTER), f"/{WHOLE} is a pointer of git-lfs", id="pointer"),
    pytest.param(lambda f: (f / "config.json").write_bytes(POINTER), "/config.json is a pointer", id="pointer of text"),
    pytest.param(only_pickled, "no .safetensors file in .*, but pytorch_model.bin, which is not loaded", id="pickle"),
    pytest.param(lambda f: (f / WHOLE).unlink(), "no .safetensors file in .*; save it with save_pretrained", id="none"),
    pytest.param(
        lambda f: (f / WHOLE).rename(f / "other.safetensors"), f"has other.safetensors, but neither {WHOLE}", id="name"
    ),
    pytest.param(lambda f: in_shards(f, 1), "no .*/model-00002-of-00002.safetensors, which .* names", id="shard"),
    pytest.param(
        lambda f: (in_shards(f, 1, 2), write_json(f / f"{WHOLE}.index.json", [])), "has no weight_map", id="index"
    ),
    pytest.param(lambda f: cut(f, 4), f"/{WHOLE} has .* bytes, its header says .*: it is cut short", id="cut"),
    pytest.param(lambda f: (f / WHOLE).write_bytes(b""), f"/{WHOLE} is broken or cut short", id="empty"),
    pytest.param(lambda f: (f / WHOLE).write_bytes(b"x" * 99), f"/{WHOLE} is broken or cut short", id="no header"),
    pytest.param(
        lambda f: (f / WHOLE).write_bytes((9).to_bytes(8, "little") + b'{"a": {}}'), "cannot be read", id="header"
    ),
    pytest.param(
        lambda f: write_json(f / "adapter_config.json", {}), "has adapters of another model", id="adapters"
    ),
    pytest.param(lambda f: write_json(f / "config.json", []), "config.json holds no JSON object", id="list"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "says"), WEIGHTS)
def test_weights_that_are_not_all_there(
    language: Path, tower: Path, spoil: Callable[[Path], object], says: str
) -> None:
    for folder, ask, key in ((language, with_language, "language.model"), (tower, with_tower, "vision.tower")):
        spoil(folder)
        said = ask(folder)
        assert said.startswith(f"{key}: ")
        assert re.search(says, said), said
        assert "\n" not in said


def test_weights_of_another_width_than_config_says(language: Path, tower: Path) -> None:
    save_file({"embeddings": np.ones((5, 8), np.float32), "norm": np.ones(8, np.float32)}, language / WHOLE)
    change_json(language / "config.json", hidden_size=8)
    assert with_language(language) == ""
    change_json(language / "config.json", hidden_size=16)
    assert with_language(language) == (
        "language.model: the config.json of /llama says that hidden states have 16 numbers, but no tensor of its "
        "weights has that size (the largest, embeddings, is [5, 8]); take config.json and weights of one model"
    )
    change_json(tower / "config.json", hidden_size=16)
    assert "vision.tower: the config.json of /clip says that hidden states have 16 numbers" in with_tower(tower)


def test_whole_shards_are_taken(language: Path) -> None:
    in_shards(language, 1, 2)
    assert with_language(language) == ""


@pytest.mark.parametrize("taken", ["preprocessor_config.json", "processor_config.json"])
def test_a_tower_without_its_processor(tower: Path, taken: str) -> None:
    processor = json.loads((tower / "preprocessor_config.json").read_text())
    (tower / "preprocessor_config.json").unlink()
    assert with_tower(tower).startswith("vision.tower: no /clip/preprocessor_config.json, which says how its pictures")
    write_json(tower / taken, {"image_processor": processor} if taken == "processor_config.json" else processor)
    assert with_tower(tower) == ""


LLAVA = {"model_type": "llava", "vision_config": {}, "text_config": {}}
TOWER = {"model_type": "clip_vision_model", "patch_size": 14}
T5 = {"model_type": "t5", "is_encoder_decoder": True}
CLASSIFIES = {"architectures": ["LlamaForSequenceClassification"]}
BARE = {"architectures": ["LlamaModel"], "tie_word_embeddings": False}
QUANTISED = {"quantization_config": {"quant_method": "gptq"}}
KINDS = [
    pytest.param({"model_type": None}, "its config.json names no model_type", id="nothing"),
    pytest.param(LLAVA, "a 'llava' model has parts for pictures or sound", id="llava"),
    pytest.param(TOWER, "a 'clip_vision_model' model reads pictures", id="tower"),
    pytest.param(T5, "a 't5' model has an encoder beside its decoder", id="t5"),
    pytest.param({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, "a BertForMaskedLM does", id="bert"),
    pytest.param(CLASSIFIES, "a LlamaForSequenceClassification does not write", id="a head for something else"),
    pytest.param(BARE, "a LlamaModel has no output layer", id="no head"),
    pytest.param(QUANTISED, "its weights are quantised", id="quantised"),
]


@pytest.mark.parametrize(("config", "says"), KINDS)
def test_another_kind_of_model(language: Path, config: dict[str, object], says: str) -> None:
    change_json(language / "config.json", **config)
    said = with_language(language)
    assert said.startswith(f"language.model: '/llama' is no causal language model that can be trained: {says}"), said


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"architectures": None}, id="nobody says"),
        pytest.param({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}, id="gpt2"),
        pytest.param({"architectures": ["GPT2Model"], "tie_word_embeddings": True}, id="a head that is the embeddings"),
    ],
)
def test_a_causal_language_model(language: Path, config: dict[str, object]) -> None:
    change_json(language / "config.json", **config)
    assert with_language(language) == ""


def test_an_encoder_without_a_head(language: Path) -> None:
    change_json(language / "config.json", model_type="bert", architectures=["BertModel"])
    assert with_language(language).startswith(
        "language.model: a model of the family 'bert' is refused: its tokens see those after them; llama, "
    )


def test_a_language_model_is_no_tower(language: Path) -> None:
    assert with_tower(language).startswith(
        "vision.tower: '/llama' is a 'llama' model, whose config.json says nothing of pictures"
    )


def test_no_torch_is_needed(language: Path) -> None:
    code = (
        "import sys; from shallowsight.steps.resolve import resolve_study\n"
        f"resolve_study('quick', ['language.model={language}'])\n"
        "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
