"""Shapes give the counts of parameters that are really built, on the meta device, without weights or network."""

import json
from pathlib import Path

import pytest
from cost_subjects import subject

from shallowsight.cost.shapes import (
    PUBLISHED_LANGUAGES,
    PUBLISHED_TOWERS,
    LanguageShape,
    language_shape,
    shape_of_config,
    tower_facts,
)
from shallowsight.errors import ConfigurationError
from shallowsight.study.experiment import Language
from shallowsight.study.experiments import PAPER, PAPER_LANGUAGES


def count(module) -> int:  # type: ignore[no-untyped-def]
    return sum(p.numel() for p in module.parameters())


def built(shape: LanguageShape):  # type: ignore[no-untyped-def]
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_width,
        tie_word_embeddings=shape.tied,
    )
    with torch.device("meta"):
        return LlamaForCausalLM(config)


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("mtgv/MobileLLaMA-1.4B-Base", 1.364),
        ("mtgv/MobileLLaMA-2.7B-Base", 2.702),
        ("lmsys/vicuna-7b-v1.5", 6.738),
    ],
)
def test_the_papers_language_models(name: str, billions: float) -> None:
    shape = PUBLISHED_LANGUAGES[name]
    assert shape.parameters == count(built(shape))
    assert shape.parameters / 1e9 == pytest.approx(billions, abs=5e-4)
    assert language_shape(Language(model=name)) is shape


def test_every_model_of_the_paper_has_a_shape() -> None:
    assert set(PAPER_LANGUAGES.values()) == set(PUBLISHED_LANGUAGES)
    assert {experiment.vision.tower for experiment in PAPER} == set(PUBLISHED_TOWERS)


def test_a_scratch_model_is_what_is_built(tokenizer) -> None:  # type: ignore[no-untyped-def]
    import torch

    from shallowsight.model.language.language import build_language

    language = Language(width=96, depth=3, heads=2, vocabulary=len(tokenizer))
    assert language_shape(language).parameters == count(build_language(language, tokenizer, torch.float32))


@pytest.mark.parametrize("kind", ["LlamaConfig", "Qwen3Config", "GemmaConfig", "MistralConfig"])
@pytest.mark.parametrize("tied", [True, False])
def test_config_json_as_transformers_saves_it(kind: str, tied: bool, tmp_path: Path) -> None:
    import torch
    import transformers

    config = getattr(transformers, kind)(
        vocab_size=500,
        hidden_size=64,
        intermediate_size=160,
        num_hidden_layers=3,
        num_attention_heads=8,
        num_key_value_heads=2,
        head_dim=16,
        tie_word_embeddings=tied,
    )
    config.save_pretrained(tmp_path)
    shape = language_shape(Language(model=str(tmp_path)))
    assert (shape.layers, shape.kv_width, shape.query_width, shape.tied) == (3, 32, 128, tied)
    with torch.device("meta"):
        whole = count(transformers.AutoModelForCausalLM.from_config(config))
    assert shape.parameters == pytest.approx(whole, rel=2e-3), "norms of queries and keys are not counted"


def test_what_a_silent_config_means() -> None:
    silent = {
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_attention_heads": 4,
        "vocab_size": 100,
    }
    shape = shape_of_config("x", silent)
    assert (shape.kv_heads, shape.head_width, shape.tied) == (4, 16, False)
    assert shape_of_config("x", silent | {"model_type": "gemma"}).tied


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2", "n_embd": 64, "vocab_size": 100}))
    with pytest.raises(ConfigurationError, match=r"has no num_hidden_layers, hidden_size, .*models like Llama"):
        language_shape(Language(model=str(tmp_path)))


def test_adapters_by_hand() -> None:
    shape = subject().language  # two layers of width 128, inner 344
    assert shape.adapters(8) == 2 * 8 * (4 * (128 + 128) + 3 * (128 + 344))
    assert shape.adapters(0) == 0


def test_a_published_tower_needs_no_network() -> None:
    facts = tower_facts("openai/clip-vit-large-patch14-336")
    assert (facts.depth, facts.width, facts.patch) == (24, 1024, 14)
    assert facts.tokens(336, 1, "patch") == 576
    assert tower_facts("embedded:dinov2-small").depth == 12
