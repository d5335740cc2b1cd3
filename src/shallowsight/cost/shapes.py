"""Shapes of models, from which operations and bytes are counted. The paper's models need neither network nor weights.

Letters: H width, q and kv the widths of queries and of keys, `inner` the width of the gated MLP.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shallowsight.errors import ConfigurationError
from shallowsight.model.files.pinned import config_of
from shallowsight.model.tower.facts import depth_of, outline
from shallowsight.study.experiment import SCRATCH, Language
from shallowsight.study.resolved import TowerFacts


@dataclass(frozen=True, kw_only=True)
class LanguageShape:
    """A decoder like Llama: rotary attention, a gated MLP, two norms in each layer. Biases are not counted."""

    layers: int
    width: int
    inner: int
    heads: int
    kv_heads: int
    head_width: int
    vocabulary: int
    tied: bool  # embedding and output layer are one matrix

    @property
    def query_width(self) -> int:
        return self.heads * self.head_width

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_width

    @property
    def linear_sides(self) -> tuple[tuple[int, int], ...]:
        """(in, out) of the seven matrices of a layer."""
        H, q, kv, inner = self.width, self.query_width, self.kv_width, self.inner
        return (H, q), (H, kv), (H, kv), (q, H), (H, inner), (H, inner), (inner, H)

    @property
    def layer_matrices(self) -> int:
        """Parameters in a layer's matrices."""
        return sum(a * b for a, b in self.linear_sides)

    @property
    def head(self) -> int:
        """Parameters of the output layer."""
        return self.vocabulary * self.width

    @property
    def parameters(self) -> int:
        norms = (2 * self.layers + 1) * self.width
        return self.layers * self.layer_matrices + (1 if self.tied else 2) * self.head + norms

    def adapters(self, rank: int) -> int:
        """Parameters of low-rank adapters on every matrix of every layer."""
        return self.layers * sum(rank * (a + b) for a, b in self.linear_sides)


def _llama(layers: int, width: int, inner: int, heads: int) -> LanguageShape:
    return LanguageShape(
        layers=layers,
        width=width,
        inner=inner,
        heads=heads,
        kv_heads=heads,
        head_width=width // heads,
        vocabulary=32000,
        tied=False,
    )


# The widths are from the models' papers (arXiv 2312.16886, 2302.13971); tests check the numbers of parameters.
PUBLISHED_LANGUAGES = {
    "mtgv/MobileLLaMA-1.4B-Base": _llama(24, 2048, 5632, 16),
    "mtgv/MobileLLaMA-2.7B-Base": _llama(32, 2560, 6912, 32),
    "lmsys/vicuna-7b-v1.5": _llama(32, 4096, 11008, 32),
}
PUBLISHED_TOWERS = {
    name: TowerFacts(name=name, family="clip", depth=24, width=1024, patch=14, has_class_token=True, digest="published")
    for name in ("openai/clip-vit-large-patch14-336",)
}
# transformers' defaults for configurations without the key tie_word_embeddings.
_TIED_WHEN_SILENT = {"gemma": True, "gemma2": True}
_NEEDED = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "vocab_size")


def tower_facts(
    tower: str, revision: str | None = None, prefix_tokens: int | None = None, patch: int | None = None
) -> TowerFacts:
    """Facts of a published tower, without a network, or of another tower, without its digest; raises as `describe`."""
    return PUBLISHED_TOWERS.get(tower) or outline(tower, revision, prefix_tokens, patch)


def tower_depth(tower: str) -> int:
    """The number of layers, also of a tower whose other facts the experiment must give; raises as `tower_facts`."""
    return PUBLISHED_TOWERS[tower].depth if tower in PUBLISHED_TOWERS else depth_of(tower)


def language_shape(language: Language) -> LanguageShape:
    """The shape of the language model; raises ConfigurationError for a missing model, or one that is not like Llama."""
    if language.model == SCRATCH:
        return LanguageShape(
            layers=language.depth,
            width=language.width,
            inner=8 * round(language.width / 3),
            heads=language.heads,
            kv_heads=language.heads,
            head_width=language.width // language.heads,
            vocabulary=language.vocabulary,  # the upper limit; the training text may need fewer tokens
            tied=True,
        )
    if language.model in PUBLISHED_LANGUAGES:
        return PUBLISHED_LANGUAGES[language.model]
    config = config_of("language.model", language.model, language.revision, SCRATCH)
    return shape_of_config(language.model, config)


def shape_of_config(name: str, config: Mapping[str, Any]) -> LanguageShape:
    """The shape in a Hugging Face config.json.

    Raises:
        ConfigurationError: keys of a decoder like Llama are missing.
    """
    missing = [key for key in _NEEDED if not isinstance(config.get(key), int)]
    if missing:
        raise ConfigurationError(
            f"language.model: the config.json of {name!r} has no {', '.join(missing)}; operations and memory "
            "can be counted only for models like Llama"
        )
    heads = config["num_attention_heads"]
    return LanguageShape(
        layers=config["num_hidden_layers"],
        width=config["hidden_size"],
        inner=config["intermediate_size"],
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        head_width=config.get("head_dim") or config["hidden_size"] // heads,
        vocabulary=config["vocab_size"],
        tied=config.get("tie_word_embeddings", _TIED_WHEN_SILENT.get(str(config.get("model_type")), False)),
    )
