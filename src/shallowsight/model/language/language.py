"""The language model: a small Llama made from scratch, or a causal language model of the hub, a folder or a bucket."""

import logging
from importlib.util import find_spec

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
)
from transformers.modeling_utils import PreTrainedModel

from shallowsight.model.files.loaded import require_all_weights
from shallowsight.model.files.pinned import files_of
from shallowsight.model.language.families import WITHOUT_FLASH
from shallowsight.study.experiment import SCRATCH, Language

log = logging.getLogger(__name__)

_FLASH = "flash_attention_2"


def load_tokenizer(folder_or_id: str) -> PreTrainedTokenizerBase:
    """Load a tokenizer from a folder, or from the hub by its id."""
    return AutoTokenizer.from_pretrained(folder_or_id)


def build_language(language: Language, tokenizer: PreTrainedTokenizerBase, dtype: torch.dtype) -> PreTrainedModel:
    """Build or load the language model. The weights of a model made from scratch follow torch's global seed.

    Raises:
        ConfigurationError: the model's files changed since `revision` was pinned, or are not all of its weights.
    """
    if language.model != SCRATCH:
        files = files_of("language.model", language.model, language.revision)
        config = AutoConfig.from_pretrained(files.place, revision=files.revision)
        model, found = AutoModelForCausalLM.from_pretrained(
            files.place,
            revision=files.revision,
            dtype=dtype,
            use_safetensors=True,
            attn_implementation=_attention(MODEL_FOR_CAUSAL_LM_MAPPING[type(config)], dtype),
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refused below, with names and shapes
        )
        require_all_weights("language.model", language.model, found)
        # Without this, the folder's settings for sampling, repetition penalty and forced tokens would change answers.
        model.generation_config = GenerationConfig()
        return model
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=language.width,
            # Llama's ratio of about 8/3, rounded to a multiple of 8.
            intermediate_size=8 * round(language.width / 3),
            num_hidden_layers=language.depth,
            num_attention_heads=language.heads,
            num_key_value_heads=language.heads,
            max_position_embeddings=language.max_length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            tie_word_embeddings=True,
            # With transformers' default of 0.02, so narrow a model learns only how frequent each answer is. About
            # 1/sqrt(width) works.
            initializer_range=round(language.width**-0.5, 3),
        )
    )


def _attention(model: type[PreTrainedModel], dtype: torch.dtype) -> str:
    """The fastest attention of the family: flash-attn if it is installed and can run, else torch's own, else eager."""
    able = torch.cuda.is_available() and dtype == torch.bfloat16 and find_spec("flash_attn") is not None
    if able and _takes_flash(model):
        chosen = _FLASH
    else:
        chosen = "sdpa" if model._supports_sdpa else "eager"
    log.info("attention: %s", chosen)
    return chosen


def _takes_flash(model: type[PreTrainedModel]) -> bool:
    # Some families use kernels of the hub instead, which transformers would fetch without a message.
    kernels = model._compatible_flash_implementations or [_FLASH]
    return model._supports_flash_attn and _FLASH in kernels and model.config_class.model_type not in WITHOUT_FLASH
