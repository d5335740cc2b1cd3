"""Weights that do not belong to their config.json: transformers would fill gaps with random numbers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from model_folders import WORDS, change_json, language_folder
from transformers import CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM

from shallowsight.errors import ConfigurationError
from shallowsight.model.language.language import build_language, load_tokenizer
from shallowsight.model.tower.loading import load_encoder
from shallowsight.study.experiment import Language

SHAPE: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = language_folder(tmp_path / "llama", **SHAPE)
    LlamaForCausalLM(LlamaConfig(vocab_size=len(WORDS), **SHAPE)).save_pretrained(made)
    return made


def load(folder: Path) -> object:
    return build_language(Language(model=str(folder)), load_tokenizer(str(folder)), torch.float32)


def test_whole_weights_are_loaded(folder: Path) -> None:
    load(folder)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param(
            {"intermediate_size": 32},
            r"mlp.down_proj.weight is \[16, 24\] in the weights and \[16, 32\] by config.json \(6 such",
            id="another shape",
        ),
        pytest.param(
            {"num_hidden_layers": 3},
            r"the weights have no model.layers.2.* \(9 such tensors\), which config",
            id="layer",
        ),
    ],
)
def test_weights_of_another_config_are_refused(folder: Path, changes: dict[str, int], says: str) -> None:
    change_json(folder / "config.json", **changes)
    with pytest.raises(
        ConfigurationError, match=rf"^language.model: {folder}: .*{says}.*; take config.json and weights"
    ):
        load(folder)


def test_a_tower_of_another_config_is_refused(tmp_path: Path) -> None:
    CLIPVisionModel(CLIPVisionConfig(**SHAPE, image_size=8, patch_size=4)).save_pretrained(tmp_path / "clip")
    load_encoder(str(tmp_path / "clip"))
    change_json(tmp_path / "clip" / "config.json", intermediate_size=32)
    with pytest.raises(ConfigurationError, match=r"^vision.tower: .* in the weights and .* by config.json"):
        load_encoder(str(tmp_path / "clip"))
