"""The language model: a small Llama from scratch, or any causal one of the hub, a folder or a bucket."""

import logging
from importlib.util import find_spec

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase
from transformers.modeling_utils import PreTrainedModel

from shallowsight.assets.pinned import files_of
from shallowsight.config import SCRATCH, Language
from shallowsight.errors import ConfigurationError

log = logging.getLogger(__name__)


# Families that tell packed sequences apart by their positions alone; others add positions of their own, or keep a
# state. A test compares each with the same sequences alone.
PACKABLE = ("llama", "mistral", "qwen2", "qwen3", "gpt2", "gpt_neo", "gptj", "gpt_neox")


def require_packable(language: PreTrainedModel) -> None:
    """Raises ConfigurationError for a family whose packed sequences would see each other."""
    family = language.config.model_type
    if family not in PACKABLE:
        raise ConfigurationError(
            f"packed=true: a {family!r} model would mix the sequences of a row; use packed=false, or a model of "
            f"{', '.join(PACKABLE)}"
        )


def load_tokenizer(folder_or_id: str) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(folder_or_id)


def build_language(language: Language, tokenizer: PreTrainedTokenizerBase, dtype: torch.dtype) -> PreTrainedModel:
    """Weights follow torch's global seed when the model is made from scratch.

    Raises:
        ConfigurationError: the model is not the one that `revision` was pinned to.
    """
    if language.model != SCRATCH:
        files = files_of("language.model", language.model, language.revision)
        return AutoModelForCausalLM.from_pretrained(
            files.place,
            revision=files.revision,
            dtype=dtype,
            use_safetensors=True,
            attn_implementation=_attention(dtype),
        )
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=language.width,
            # Llama's own ratio of about 8/3, in multiples of 8.
            intermediate_size=8 * round(language.width / 3),
            num_hidden_layers=language.depth,
            num_attention_heads=language.heads,
            num_key_value_heads=language.heads,
            max_position_embeddings=language.max_length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            tie_word_embeddings=True,
            # transformers' 0.02 leaves so narrow a model on the plateau of answer priors; about 1/sqrt(width) does not.
            initializer_range=round(language.width**-0.5, 3),
        )
    )


def _attention(dtype: torch.dtype) -> str:
    """flash-attn where it is installed and can run, torch's own otherwise."""
    able = torch.cuda.is_available() and dtype == torch.bfloat16 and find_spec("flash_attn") is not None
    chosen = "flash_attention_2" if able else "sdpa"
    log.info("attention: %s", chosen)
    return chosen
