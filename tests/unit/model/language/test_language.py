"""The scratch language model follows the configuration and the seed."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny import tower_of_width
from transformers import (
    BloomForCausalLM,
    Gemma2ForCausalLM,
    GenerationConfig,
    GPTJForCausalLM,
    GptOssForCausalLM,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
)
from transformers.modeling_utils import PreTrainedModel

from shallowsight.model.language import language as module
from shallowsight.model.language.language import build_language
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment


def test_scratch_has_the_shape_asked_for(small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase) -> None:
    language = small(language__width=48, language__depth=3, language__heads=4).language
    config = build_language(language, tokenizer, torch.float32).config
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (48, 3, 4)
    assert config.intermediate_size == 128 and config.vocab_size == len(tokenizer)
    assert config.max_position_embeddings == language.max_length and config.tie_word_embeddings
    assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (1, 2, 0)


def test_scratch_weights_are_as_wide_as_the_width_wants(
    small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase
) -> None:
    torch.manual_seed(0)
    model = build_language(small(language__width=64).language, tokenizer, torch.float32)
    assert model.get_input_embeddings().weight.std().item() == pytest.approx(64**-0.5, rel=0.05)


def test_weights_follow_the_global_seed(small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase) -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return build_language(small().language, tokenizer, torch.float32).get_input_embeddings().weight

    assert torch.equal(weights(3), weights(3)) and not torch.equal(weights(3), weights(4))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_folder_is_loaded_in_the_precision_asked_for(
    small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase, tmp_path: Path, dtype: torch.dtype
) -> None:
    saved = build_language(small().language, tokenizer, torch.float32).to(torch.bfloat16)
    saved.save_pretrained(tmp_path)
    loaded = build_language(small(language__model=str(tmp_path)).language, tokenizer, dtype)
    assert isinstance(loaded, LlamaForCausalLM)
    for (name, a), (other, b) in zip(saved.named_parameters(), loaded.named_parameters(), strict=True):
        assert name == other and b.dtype == dtype and torch.equal(a.float(), b.float())


def test_a_model_from_scratch_is_in_float32(
    small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase
) -> None:
    """Its first weights must not depend on the precision that it is trained in."""
    model = build_language(small().language, tokenizer, torch.bfloat16)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("model", "cuda", "installed", "dtype", "chosen"),
    [
        pytest.param(LlamaForCausalLM, True, True, torch.bfloat16, "flash_attention_2", id="all there"),
        pytest.param(LlamaForCausalLM, False, True, torch.bfloat16, "sdpa", id="no GPU"),
        pytest.param(LlamaForCausalLM, True, False, torch.bfloat16, "sdpa", id="not installed"),
        pytest.param(LlamaForCausalLM, True, True, torch.float32, "sdpa", id="it has no float32"),
        pytest.param(Gemma2ForCausalLM, False, False, torch.float32, "eager", id="a family without sdpa"),
        pytest.param(Gemma2ForCausalLM, True, True, torch.bfloat16, "flash_attention_2", id="and with flash-attn"),
        pytest.param(GPTJForCausalLM, True, True, torch.bfloat16, "eager", id="that would mix packed sequences"),
        pytest.param(GptOssForCausalLM, True, True, torch.bfloat16, "eager", id="that takes kernels of the hub"),
        pytest.param(BloomForCausalLM, True, True, torch.bfloat16, "eager", id="with neither"),
    ],
)
def test_flash_attention_where_it_can_run(
    model: type[PreTrainedModel], cuda: bool, installed: bool, dtype: torch.dtype, chosen: str,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level("INFO")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(module, "find_spec", lambda name: object() if installed and name == "flash_attn" else None)
    assert module._attention(model, dtype) == chosen
    assert caplog.messages == [f"attention: {chosen}"]


def test_the_attention_chosen_is_the_models(
    small: Callable[..., Experiment],
    tokenizer: PreTrainedTokenizerBase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build_language(small().language, tokenizer, torch.float32).save_pretrained(tmp_path)
    monkeypatch.setattr(module, "_attention", lambda model, dtype: "eager")
    loaded = build_language(small(language__model=str(tmp_path)).language, tokenizer, torch.float32)
    assert loaded.config._attn_implementation == "eager"


def test_a_folders_sampling_and_penalties_bend_no_answer(
    small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    """As of models for chat, whose folders hold a penalty for repetition."""

    def answers(folder: Path, **settings: float | int) -> list[int]:
        torch.manual_seed(0)
        saved = build_language(small().language, tokenizer, torch.float32)
        saved.generation_config = GenerationConfig(**settings)
        saved.save_pretrained(folder)
        torch.manual_seed(1)
        model = VLM(small(language__model=str(folder)), tower_of_width(8), tokenizer).eval()
        ids = torch.tensor([[1, 20, 21]])
        return model.answer([], ids, torch.ones_like(ids), 12, 2)[0].tolist()

    plain = answers(tmp_path / "plain")
    assert len(set(plain)) < len(plain), "nothing is repeated that a penalty could change"
    assert answers(tmp_path / "penalty", repetition_penalty=50.0, no_repeat_ngram_size=1) == plain
    assert answers(tmp_path / "forced", forced_eos_token_id=7, suppress_tokens=plain[:1]) == plain
