"""Which families of language models can be trained and evaluated, and with which features. Needs no torch.

A test makes a small model of every family of transformers and compares with these names; docs/language-models.md has a
table of them.
"""

from collections.abc import Collection, Mapping

from shallowsight.errors import ConfigurationError
from shallowsight.study.fusions import FUSIONS, Way
from shallowsight.study.stages import Stage, StageName

# Families for which a row may hold several sequences, separated by their positions: each sequence has the same loss and
# gradients as alone.
PACKED = (
    "apertus", "arcee", "aria_text", "axk1", "beam", "bitnet", "codegen", "cohere", "cohere2", "cohere2_moe", "cwm",
    "dbrx", "deepseek_v2", "deepseek_v3", "diffllama", "doge", "dots1", "ernie4_5", "exaone4", "exaone_moe",
    "flex_olmo", "flint", "gemma", "gemma2", "gemma3_text", "glm", "glm4", "glm4_moe", "glm4_moe_lite", "gpt-sw3",
    "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gpt_neox_japanese", "gptj", "granite", "granite_swa",
    "granitemoe", "granitemoe_swa", "granitemoeshared", "helium", "hunyuan_v1_dense", "hunyuan_v1_moe", "hy_v3",
    "hyperclovax", "internlm3", "iquestcoder", "jais2", "jetmoe", "kolibri1", "llama", "longcat_flash", "mellum",
    "mimo_v2_flash", "minicpm3", "minimax_m2", "minimax_m3_vl_text", "ministral", "ministral3", "mistral",
    "mixtral", "modernbert-decoder", "nanochat", "nemotron", "olmo", "olmo2", "olmo3", "olmoe", "persimmon", "phi",
    "phi3", "phimoe", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "seed_oss", "smollm3", "solar_open", "stablelm",
    "starcoder2", "vaultgemma", "youtu",
)  # fmt: skip
# Families that compute positions themselves, or that carry a state along the row: one sequence in each row.
ALONE = (
    "bailing_hybrid", "biogpt", "bloom", "falcon", "falcon_mamba", "gpt_oss", "granitemoehybrid", "inkling2_text",
    "inkling_text", "jamba", "kimi_linear", "lfm2", "lfm2_moe", "lfm3", "mamba", "mamba2", "minimax", "mpt",
    "olmo_hybrid", "opt", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_next", "recurrent_gemma", "xglm", "zaya",
)  # fmt: skip
SUPPORTED = (*PACKED, *ALONE)
# Adapters fail on some of their modules, or have no effect in training, because layers read matrices without calling
# the module that has the adapter.
WITHOUT_ADAPTERS = ("falcon_mamba", "jamba", "longcat_flash", "mamba", "mamba2", "phimoe")
# transformers has no activation checkpointing for them.
WITHOUT_CHECKPOINTING = ("gpt_neox_japanese", "jetmoe")
# transformers does not tell flash-attn where their packed sequences begin, so they use another attention.
WITHOUT_FLASH = ("gpt_bigcode", "gpt_neo", "gptj", "persimmon")
# The states between their layers cannot be told or are not what enters the next layer, so that nothing is added there.
WITHOUT_STATES = ("falcon_mamba", "longcat_flash", "mamba", "mamba2")
# Families whose attention, and nothing else, gets what a norm of its own gives, and whose sizes a cross-attention can
# take over.
ATTENDING = (
    "arcee", "aria_text", "axk1", "bailing_hybrid", "beam", "bitnet", "cwm", "deepseek_v2", "deepseek_v3",
    "diffllama", "doge", "dots1", "ernie4_5", "exaone_moe", "flint", "gemma", "gemma2", "gemma3_text", "glm",
    "glm4", "glm4_moe", "glm4_moe_lite", "gpt_neox", "gpt_oss", "granite", "granite_swa", "granitemoe",
    "granitemoe_swa", "granitemoeshared", "helium", "hunyuan_v1_dense", "hunyuan_v1_moe", "hy_v3",
    "hyperclovax", "inkling_text", "internlm3", "iquestcoder", "jais2", "kimi_linear", "llama", "mellum",
    "mimo_v2_flash", "minicpm3", "minimax_m2", "minimax_m3_vl_text", "ministral", "ministral3", "mistral",
    "mixtral", "nanochat", "nemotron", "olmo", "olmoe", "persimmon", "phi3", "phimoe", "qwen2", "qwen2_moe",
    "qwen3", "qwen3_moe", "seed_oss", "smollm3", "stablelm", "starcoder2", "vaultgemma", "youtu",
)  # fmt: skip

# The reasons for which a family is refused.
NOT_TEXT = "it has parts of its own for pictures or sound; take a model of text alone"
SEES_AHEAD = "its tokens see those after them"
NEEDS_IDS = "its forward pass needs token ids, or does other things with them than with their embeddings"
ANSWERS = "in a batch of embeddings, transformers does not generate the same answers as one by one"
LOGITS = "its logits cannot be computed at chosen positions only"
IDLE = "some of its parameters take no part in the loss"
UNCOUNTED = "its layers have heads of different widths, so its operations cannot be counted"
UNTESTED = "no small model of it could be made to test it"

_REFUSED = {
    NOT_TEXT: (
        "dots3_note", "emu3", "fuyu", "gemma3", "gemma3n", "gemma4", "gemma4_unified", "git", "got_ocr2",
        "llama4", "mllama", "moss_transcribe_diarize", "musicgen", "musicgen_melody", "phi4_multimodal",
        "qwen3_5", "qwen3_5_moe", "qwen4_exp",
    ),
    SEES_AHEAD: (
        "bert", "bert-generation", "big_bird", "camembert", "data2vec-text", "electra", "ernie",
        "megatron-bert", "rembert", "roberta", "roberta-prelayernorm", "roc_bert", "roformer", "xlm",
        "xlm-roberta", "xlm-roberta-xl", "xlnet", "xmod",
    ),
    NEEDS_IDS: (
        "cpmant", "deepseek_v4", "falcon_h1", "gemma3n_text", "gemma4_text", "reformer",
    ),
    ANSWERS: (
        "bamba", "bart", "bigbird_pegasus", "blenderbot", "blenderbot-small", "ctrl", "marian", "mbart",
        "moshi", "mvp", "nemotron_h", "openai-gpt", "pegasus", "plbart", "rwkv", "trocr", "whisper", "xlstm",
        "zamba", "zamba2",
    ),
    LOGITS: (
        "llama4_text", "prophetnet",
    ),
    IDLE: (
        "afmoe", "axk2", "deepseek_v32", "ernie4_5_moe", "glm_moe_dsa", "hrm_text", "hy_v4", "laguna",
    ),
    UNCOUNTED: (
        "gemma4_unified_text",
    ),
    UNTESTED: (
        "blt", "cohere_compass_text", "dots3_note_text", "gemma4_assistant", "gemma4_unified_assistant",
        "qwen4_exp_text",
    ),
}  # fmt: skip
_OTHERS = "; llama, mistral, qwen2, qwen3, gemma2 and phi3 can do all, docs/language-models.md names all families"
REFUSED = {family: reason for reason, families in _REFUSED.items() for family in families}


def require_family(family: str | None, stages: Mapping[StageName, Stage]) -> None:
    """`family` is the `model_type` of a config.json.

    Raises:
        ConfigurationError: the family is not supported, or not with the settings of a stage.
    """
    if family not in SUPPORTED:
        reason = REFUSED.get(family or "", "it is none of the causal language models that were tested")
        raise ConfigurationError(f"language.model: a model of the family {family!r} is refused: {reason}{_OTHERS}")
    for name, stage in stages.items():
        if stage.packed and family not in PACKED:
            raise ConfigurationError(
                f"{name}.packed=true: a model of the family {family!r} would mix the sequences of a row; use "
                f"{name}.packed=false{_OTHERS}"
            )
        if stage.lora.rank and family in WITHOUT_ADAPTERS:
            raise ConfigurationError(
                f"{name}.lora.rank={stage.lora.rank}: a model of the family {family!r} cannot be trained by adapters; "
                f"use {name}.lora.rank=0{_OTHERS}"
            )
        if stage.checkpointing and family in WITHOUT_CHECKPOINTING:
            raise ConfigurationError(
                f"{name}.checkpointing=true: transformers cannot do that for the family {family!r}; use "
                f"{name}.checkpointing=false{_OTHERS}"
            )


def require_entries(family: str | None, fusions: Collection[str], depth: int) -> None:
    """`family` as in `require_family`, which is asked first; `fusions` are those of a study's settings.

    `depth` is the number of the model's layers, 0 where its config.json does not say it.

    Raises:
        ConfigurationError: layers cannot enter models of this family as a fusion inside the language model needs it.
    """
    able = {Way.ADDED: set(SUPPORTED) - set(WITHOUT_STATES), Way.ATTENDED: set(ATTENDING)}
    why = {
        Way.ADDED: "the states between its layers cannot be told",
        Way.ATTENDED: "its attention has no norm of its own in front of it, or sizes that cross-attention cannot have",
    }
    for fusion in sorted(fusions):
        way = FUSIONS[fusion].way
        if way is not None and family not in able[way]:
            instead = "internal-direct or " if way is Way.ATTENDED and family in able[Way.ADDED] else ""
            raise ConfigurationError(
                f"fusion {fusion!r}: layers cannot be {way} in a model of the family {family!r}: {why[way]}; use "
                f"{instead}a fusion outside the language model, such as concat{_OTHERS}"
            )
        if way is not None and not depth:
            raise ConfigurationError(
                f"fusion {fusion!r}: the config.json of language.model does not say how many layers it has; write "
                "num_hidden_layers into it, or use a fusion outside the language model, such as concat"
            )
