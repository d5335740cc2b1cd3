"""The scratch language model follows the configuration and the seed."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

from shallowsight.config import Experiment
from shallowsight.model.language import build_language


def test_scratch_has_the_shape_asked_for(small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase) -> None:
    language = small(language__width=48, language__depth=3, language__heads=4).language
    config = build_language(language, tokenizer).config
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (48, 3, 4)
    assert config.intermediate_size == 128 and config.vocab_size == len(tokenizer)
    assert config.max_position_embeddings == language.max_length and config.tie_word_embeddings
    assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (1, 2, 0)


def test_scratch_weights_are_as_wide_as_the_width_wants(
    small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase
) -> None:
    torch.manual_seed(0)
    model = build_language(small(language__width=64).language, tokenizer)
    assert model.get_input_embeddings().weight.std().item() == pytest.approx(64**-0.5, rel=0.05)


def test_weights_follow_the_global_seed(small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase) -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return build_language(small().language, tokenizer).get_input_embeddings().weight

    assert torch.equal(weights(3), weights(3)) and not torch.equal(weights(3), weights(4))


def test_a_folder_is_loaded_in_float32(
    small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    saved = build_language(small().language, tokenizer).to(torch.bfloat16)
    saved.save_pretrained(tmp_path)
    loaded = build_language(small(language__model=str(tmp_path)).language, tokenizer)
    assert isinstance(loaded, LlamaForCausalLM)
    for (name, a), (other, b) in zip(saved.named_parameters(), loaded.named_parameters(), strict=True):
        assert name == other and b.dtype == torch.float32 and torch.equal(a.float(), b)
