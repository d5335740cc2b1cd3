"""A small causal language model with random weights of every family that transformers can build small."""

from collections.abc import Mapping
from itertools import cycle, islice
from typing import Any

import torch
from torch import nn
from transformers import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING, AutoModelForCausalLM, PretrainedConfig
from transformers.modeling_utils import PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.pytorch_utils import Conv1D

FAMILIES = tuple(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
VOCABULARY = 128
_LIMIT = 4_000_000  # parameters: more were left at the family's own size

# Given to a configuration that has the name, unless the family says something else below.
_SIZES = {
    "vocab_size": VOCABULARY, "vocab_size_per_layer_input": VOCABULARY,
    "hidden_size": 32, "d_model": 32, "n_embd": 32, "embedding_size": 32, "embedding_dim": 32, "emb_dim": 32,
    "input_embedding_size": 32, "output_embedding_size": 32, "attention_hidden_size": 32, "lru_width": 32,
    "word_embed_proj_dim": 16, "hidden_size_per_layer_input": 8,
    "num_hidden_layers": 2, "n_layer": 2, "n_layers": 2, "num_layers": 2, "decoder_layers": 2, "encoder_layers": 2,
    "num_decoder_layers": 2, "num_encoder_layers": 2, "num_blocks": 2,
    "num_attention_heads": 4, "n_head": 4, "n_heads": 4, "num_heads": 4, "attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_attention_heads": 4, "num_decoder_attention_heads": 4,
    "num_encoder_attention_heads": 4, "swa_num_attention_heads": 4, "index_n_heads": 4,
    "num_key_value_heads": 2, "num_kv_heads": 2, "swa_num_key_value_heads": 2,
    "head_dim": 8, "attention_head_size": 8, "d_head": 8, "dim_head": 8, "swa_head_dim": 8, "rotary_dim": 8,
    "query_pre_attn_scalar": 8, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8, "qk_head_dim": 16,
    "q_lora_rank": 16, "kv_lora_rank": 16, "index_head_dim": 16, "index_topk": 64,
    "intermediate_size": 64, "intermediate_size_mlp": 64, "dense_intermediate_size": 64, "decoder_ffn_dim": 64,
    "encoder_ffn_dim": 64, "ffn_dim": 64, "n_inner": 64, "d_inner": 64, "dff": 64, "dim_ff": 64,
    "ffn_hidden_size": 64, "feed_forward_size": 64,
    "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16, "shared_intermediate_size": 16,
    "shared_experts_intermediate_size": 16, "moe_shared_expert_intermediate_size": 16, "expert_ffn_hidden_size": 16,
    "num_experts": 4, "n_routed_experts": 4, "num_local_experts": 4, "moe_num_experts": 4, "num_experts_per_tok": 2,
    "num_experts_per_token": 2, "moe_k": 2, "moe_topk": 2, "n_group": 2, "num_expert_group": 2, "topk_group": 1,
    "n_shared_experts": 1, "zero_expert_num": 2, "moe_layer_end_index": 1,
    "max_position_embeddings": 64, "n_positions": 64, "max_seq_len": 64, "context_length": 64, "n_ctx": 64,
    "max_target_positions": 64, "model_max_length": 64,
    # Shorter than the sequences, so that windows and chunks count.
    "sliding_window": 4, "sliding_window_size": 4, "attention_window_size": 4, "window_size": 4, "local_attention": 4,
    "attention_chunk_size": 4, "chunk_size": 4, "mamba_chunk_size": 4,
    "mamba_d_state": 8, "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_d_ssm": 64, "mamba_dt_rank": 4,
    "mamba_expand": 2, "mamba_n_groups": 1, "mamba_num_heads": 4, "mamba_head_dim": 16, "n_mamba_heads": 4,
    "state_size": 8, "ssm_state_size": 8, "time_step_rank": 4, "n_groups": 1,
    "linear_num_key_heads": 4, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "linear_head_dim": 8, "linear_num_heads": 4,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "sep_token_id": 2, "cls_token_id": 1,
    "decoder_start_token_id": 1,
}  # fmt: skip
# What a family does beside the layers must be seen: its usual value is one, or none.
_SCALES = {
    "logits_scaling": 8.0, "logit_scale": 0.25, "lm_head_multiplier": 0.5, "logits_mup_width_multiplier": 3.0,
    "final_logit_softcapping": 2.0, "logits_soft_cap": 2.0, "output_logit_soft_cap": 2.0, "dim_model_base": 8,
    "embedding_multiplier": 3.0, "residual_multiplier": 0.5, "attention_multiplier": 0.4, "key_multiplier": 0.5,
    "attention_in_multiplier": 1.5, "attention_out_multiplier": 0.7, "ssm_in_multiplier": 1.3,
    "ssm_out_multiplier": 0.8, "attn_logit_softcapping": 3.0,
}  # fmt: skip
# Training is compared with answering, so nothing may be left to chance.
_DROPOUTS = (
    "attention_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "activation_dropout",
    "resid_pdrop", "embd_pdrop", "attn_pdrop", "hidden_dropout", "embd_dropout", "emb_pdrop", "resid_dropout",
    "embed_dropout", "residual_dropout", "embedding_dropout", "mlp_dropout", "dropout_p", "layerdrop",
    "decoder_layerdrop", "local_attention_probs_dropout_prob", "lsh_attention_probs_dropout_prob",
)  # fmt: skip
_OWN: dict[str, dict[str, Any]] = {
    "bamba": {"attn_layer_indices": [1]},
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8.0},
        "ffn_config": {"ffn_hidden_size": 16, "moe_num_experts": 4, "moe_top_k": 2},
    },
    "gemma3n_text": {"num_kv_shared_layers": 0},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "granitemoehybrid": {"layer_types": ["linear_attention", "full_attention"], "num_hidden_layers": 2},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "mamba2": {"num_heads": 4, "head_dim": 16},
    "recurrent_gemma": {"num_hidden_layers": 3},
    "reformer": {
        "is_decoder": True, "axial_pos_shape": [8, 8], "axial_pos_embds_dim": [16, 16],
        "attn_layers": ["local", "lsh"], "local_attn_chunk_length": 4, "lsh_attn_chunk_length": 4,
    },
    "roc_bert": {
        "pronunciation_vocab_size": 16, "shape_vocab_size": 16, "pronunciation_embed_dim": 8, "shape_embed_dim": 8,
    },
    "xmod": {"default_language": "en_XX"},
    "zamba": {
        "num_hidden_layers": 6, "attention_hidden_size": 64, "attention_head_dim": 16,
        "layers_block_type": ["linear_attention", "linear_attention", "hybrid"] * 2,
    },
    "zamba2": {
        "num_hidden_layers": 6, "attention_hidden_size": 64, "attention_head_dim": 16,
        "layers_block_type": ["linear_attention", "linear_attention", "hybrid"] * 2,
    },
    "zaya": {"num_experts_per_tok": 1},
}  # fmt: skip


def model_class(family: str) -> type[PreTrainedModel]:
    found: type[PreTrainedModel] = MODEL_FOR_CAUSAL_LM_MAPPING[CONFIG_MAPPING[family]]
    return found


def attention(family: str) -> str:
    """What it has, of torch's own and the plain one."""
    return "sdpa" if model_class(family)._supports_sdpa else "eager"


def small_model(family: str, vocabulary: int = VOCABULARY) -> PreTrainedModel:
    """Raises what transformers raises, or ValueError, where it cannot be made small."""
    config = _config(family, vocabulary)
    with torch.device("meta"):
        parameters = sum(p.numel() for p in AutoModelForCausalLM.from_config(config).parameters())
    if parameters > _LIMIT:
        raise ValueError(f"{family}: {parameters} parameters")
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    _loosen(model)
    return model


def _config(family: str, vocabulary: int) -> PretrainedConfig:
    made = CONFIG_MAPPING[family]
    plain = vars(made())
    settable = {name for name in plain if not isinstance(getattr(made, name, None), property)}
    chosen = {name: value for name, value in (_SIZES | _SCALES).items() if name in settable}
    chosen |= {name: 0.0 for name in _DROPOUTS if name in settable}
    chosen["vocab_size"] = vocabulary
    if "kv_lora_rank" in settable:  # all heads share one latent
        chosen["num_key_value_heads"] = chosen["num_attention_heads"]
    return made(**(chosen | _one_layer_of_each_kind(plain) | _OWN.get(family, {})))


def _one_layer_of_each_kind(plain: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: plain.get(name) for name in ("layer_types", "mlp_layer_types")}
    kinds = {name: list(dict.fromkeys(value)) for name, value in given.items() if isinstance(value, list)}
    if not kinds:
        return {}
    depth = max(2, *(len(value) for value in kinds.values()))
    lists = {name: list(islice(cycle(value), depth)) for name, value in kinds.items()}
    return lists | {name: depth for name in ("num_hidden_layers", "num_layers") if name in plain}


@torch.no_grad()
def _loosen(model: PreTrainedModel) -> None:
    """transformers' first weights are so small and even that most faults would hide in them."""
    for part in model.modules():
        if isinstance(part, nn.Linear | Conv1D):
            inputs = part.weight.shape[0 if isinstance(part, Conv1D) else 1]
            part.weight.normal_(std=inputs**-0.5)
        elif isinstance(part, nn.Embedding):
            part.weight.normal_(std=0.7)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.add_(0.2 * torch.randn_like(parameter))
