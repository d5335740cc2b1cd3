"""A language model that cannot be trained is refused when a study is resolved, before anything is computed."""

import json
from pathlib import Path

import pytest
from model_folders import language_folder

from shallowsight.errors import ConfigurationError
from shallowsight.steps.resolve import resolve_study


@pytest.mark.parametrize(
    ("family", "words", "says"),
    [
        pytest.param("bert", [], "language.model: a model of the family 'bert' is refused", id="family"),
        pytest.param("bloom", ["finetune.packed=true"], "finetune.packed=true: .*'bloom'", id="packed"),
        pytest.param("bloom", ["pretrain.packed=true"], "pretrain.packed=true: .*'bloom'", id="packed first"),
        pytest.param("mamba", ["finetune.lora.rank=4"], "finetune.lora.rank=4: .*'mamba'", id="adapters"),
    ],
)
def test_a_family_that_was_not_proven(tmp_path: Path, family: str, words: list[str], says: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": family}), encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")  # of no tensors
    with pytest.raises(ConfigurationError, match=says):
        resolve_study("quick", [f"language.model={tmp_path}", *words])


@pytest.mark.parametrize(
    ("family", "keys", "setting", "says"),
    [
        pytest.param(
            "mamba", {"num_hidden_layers": 4}, "3,6|11:deepstack", "'deepstack': .*'mamba': the states", id="no"
        ),
        pytest.param(
            "phi", {"num_hidden_layers": 4}, "3>1|11:internal-modular", "'phi': its attention has no", id="norm"
        ),
        pytest.param(
            "llama", {}, "3,6|11:deepstack", "config.json .* does not say how many layers", id="unknown depth"
        ),
        pytest.param(
            "llama",
            {"num_hidden_layers": 2},
            "3,6,9|11:deepstack",
            "enters state 3; .* 2 layers .* 0 to 1",
            id="too many",
        ),
        pytest.param("gpt2", {"n_layer": 3}, "3>4|11:internal-direct", "enters state 4; .* 3 layers", id="beyond"),
        pytest.param(
            "llama",
            {"num_hidden_layers": 2},
            "3>2|11:internal-modular",
            "enters state 2; .* 0 to 1",
            id="no layer follows what is attended",
        ),
    ],
)
def test_layers_that_cannot_enter(tmp_path: Path, family: str, keys: dict[str, int], setting: str, says: str) -> None:
    folder = language_folder(tmp_path / "language", model_type=family, architectures=["ALMHeadModel"], **keys)
    with pytest.raises(ConfigurationError, match=says):
        resolve_study("quick", [f"language.model={folder}", "language.max_length=200", f"settings={setting}"])


def test_layers_beyond_a_model_made_from_scratch() -> None:
    with pytest.raises(ConfigurationError, match=r"enters state 9; in a language model of . layers"):
        resolve_study("quick", ["settings=3>9|11:internal-direct"])
