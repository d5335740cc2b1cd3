"""The families whose positions end are those where transformers fails beyond the last one."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from shallowsight.model.language.kinds import TABLES

POSITIONS = 16
SHAPE = {
    "hidden_size": 32, "n_embd": 32, "d_model": 32, "word_embed_proj_dim": 32, "intermediate_size": 64, "ffn_dim": 64,
    "num_hidden_layers": 2, "n_layer": 2, "n_layers": 2, "num_layers": 2, "num_attention_heads": 4, "n_head": 4,
    "n_heads": 4, "num_heads": 4, "num_key_value_heads": 4, "rotary_dim": 4, "attention_types": [[["global"], 2]],
    "vocab_size": 100, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip


def fails(family: str, key: str, length: int) -> bool:
    default = AutoConfig.for_model(family)
    own = {name: value for name, value in SHAPE.items() if hasattr(default, name)}
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **own, **{key: POSITIONS})).eval()
    try:
        with torch.no_grad():
            model(inputs_embeds=torch.randn(1, length, 32), attention_mask=torch.ones(1, length).long())
    except (IndexError, RuntimeError):
        return True
    return False


@pytest.mark.parametrize("family", TABLES)
def test_a_table_ends_where_it_is_said_to(family: str) -> None:
    key, default = TABLES[family]
    assert getattr(AutoConfig.for_model(family), key) == default
    assert not fails(family, key, POSITIONS)
    assert fails(family, key, POSITIONS + 1)


@pytest.mark.parametrize("family", ["llama", "mistral", "qwen2", "gpt_neox", "phi", "olmo"])
def test_rotary_positions_go_on(family: str) -> None:
    assert not fails(family, "max_position_embeddings", 2 * POSITIONS)
