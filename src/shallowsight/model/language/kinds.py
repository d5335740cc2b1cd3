"""Check from its small files, before the weights, whether a model can be the language model. Needs no torch."""

import logging
from collections.abc import Mapping
from typing import Any

from shallowsight.errors import ConfigurationError
from shallowsight.model.files.pinned import Pinned
from shallowsight.model.language.tokenizer_checks import require_fit
from shallowsight.model.language.tokenizer_files import read_tokenizer, require_tokenizer

log = logging.getLogger(__name__)

_KEY = "language.model"
# By convention, the names of transformers' classes of causal language models end so.
_CAUSAL = ("ForCausalLM", "LMHeadModel")
_OF_SEVERAL = {"vision_config", "audio_config", "text_config"}  # keys of config.json
_OF_PICTURES = {"image_size", "patch_size"}
# Families whose table of positions has an end, so that a longer text is an error: the key in config.json, and
# transformers' default.
TABLES = {
    "gpt2": ("n_positions", 1024),
    "gpt-sw3": ("n_positions", 1024),
    "gpt_bigcode": ("n_positions", 1024),
    "gpt_neo": ("max_position_embeddings", 2048),
    "gptj": ("n_positions", 2048),
    "codegen": ("n_positions", 2048),
    "opt": ("max_position_embeddings", 2048),
    "biogpt": ("max_position_embeddings", 1024),
    "mpt": ("max_seq_len", 2048),
}
_DEPTHS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_TRAINED = "max_position_embeddings"  # for other families: the longest text in training; longer texts are read worse


def require_language(model: str, found: Pinned, max_length: int) -> None:
    """Check a model before weights and texts are fetched; warns of a length that is possible but beyond its training.

    Raises:
        ConfigurationError: there is no tokenizer, it does not fit, or the model has fewer positions than `max_length`.
    """
    require_tokenizer(found.small_files)
    require_fit(model, read_tokenizer(found.small_files), found.config.get("vocab_size"))
    _require_positions(model, found.config, max_length)


def require_kind_of_model(model: str, config: Mapping[str, Any]) -> None:
    """Raises ConfigurationError for another kind of model than a causal language model."""
    if found := _what_else(config):
        raise ConfigurationError(
            f"{_KEY}: {model!r} is no causal language model that can be trained: {found}; name one that "
            "AutoModelForCausalLM of transformers loads"
        )


def _what_else(config: Mapping[str, Any]) -> str | None:
    """The reason why a model cannot be trained as a causal language model; None if it can."""
    kind, classes = config.get("model_type"), [str(name) for name in config.get("architectures") or ()]
    if not kind:
        return "its config.json names no model_type"
    if _OF_SEVERAL & set(config):
        return f"a {kind!r} model has parts for pictures or sound; use its language model alone"
    if _OF_PICTURES & set(config):
        return f"a {kind!r} model reads pictures"
    if config.get("is_encoder_decoder"):
        return f"a {kind!r} model has an encoder beside its decoder"
    if config.get("quantization_config"):
        return "its weights are quantised; use the model from which they were quantised"
    if not classes or any(name.endswith(_CAUSAL) for name in classes):
        return None
    if classes[0].endswith("Model"):
        # The class has no output layer of its own. With tied embeddings the embeddings serve as the output layer.
        tied = config.get("tie_word_embeddings", True)
        return None if tied else f"a {classes[0]} has no output layer, and a new one would be untrained"
    return f"a {classes[0]} does not write text from left to right"


def positions_of(config: Mapping[str, Any]) -> int | None:
    """The most tokens that a model can read, from its config.json; None without a limit."""
    key, default = TABLES.get(str(config.get("model_type")), (None, 0))
    return None if key is None else int(config.get(key) or default)


def layers_of(config: Mapping[str, Any]) -> int:
    """The number of a model's layers, from its config.json; 0 where it says nothing."""
    return next((int(config[key]) for key in _DEPTHS if config.get(key)), 0)


def _require_positions(model: str, config: Mapping[str, Any], max_length: int) -> None:
    positions, trained = positions_of(config), config.get(_TRAINED)
    if positions is not None and max_length > positions:
        raise ConfigurationError(
            f"language.max_length={max_length}: {model!r} has only {positions} positions "
            f"({TABLES[config['model_type']][0]} in its config.json); set language.max_length to {positions} or less"
        )
    if positions is None and isinstance(trained, int) and max_length > trained and not config.get("rope_scaling"):
        log.warning(
            "language.max_length=%d, but %r was trained on %d positions: it may not understand longer texts",
            max_length, model, trained,
        )  # fmt: skip
