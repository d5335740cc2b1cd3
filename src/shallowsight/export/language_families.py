"""Which language models a stock LLaVA computes exactly as they compute themselves. Needs no torch.

A stock LLaVA takes the decoder of a language model, and puts one matrix without a bias behind it. A family that scales
or caps its logits, or has a bias there, would answer differently. A test compares a small model of each family.
"""

EXACT = (
    "apertus", "arcee", "aria_text", "axk1", "bailing_hybrid", "biogpt", "bitnet", "cwm", "dbrx", "deepseek_v2",
    "deepseek_v3", "diffllama", "doge", "dots1", "ernie4_5", "exaone4", "exaone_moe", "flex_olmo", "flint", "gemma",
    "glm", "glm4", "glm4_moe", "glm4_moe_lite", "gpt_neox", "gpt_oss", "helium", "hunyuan_v1_dense", "hunyuan_v1_moe",
    "hy_v3", "internlm3", "iquestcoder", "jais2", "jamba", "jetmoe", "kimi_linear", "kolibri1", "lfm2", "lfm2_moe",
    "lfm3", "llama", "longcat_flash", "mellum", "mimo_v2_flash", "minimax_m2", "minimax_m3_vl_text", "ministral",
    "ministral3", "mistral", "mixtral", "nemotron", "olmo", "olmo2", "olmo3", "olmo_hybrid", "olmoe", "persimmon",
    "phi3", "phimoe", "qwen2", "qwen3", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_moe", "qwen3_next", "seed_oss",
    "smollm3", "solar_open", "stablelm", "starcoder2", "xglm", "zaya",
)  # fmt: skip


def why_not_language(family: str) -> str | None:
    """The reason why a stock LLaVA cannot hold a language model of this `model_type`; None if it can."""
    if family in EXACT:
        return None
    return (
        f"language.model: a stock LLaVA does not compute a {family!r} model exactly (behind the decoder it has one "
        "matrix without a bias, a scale or a cap); llama, mistral, qwen2, qwen3, olmo2 and phi3 models can be exported"
    )
