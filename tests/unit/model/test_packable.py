"""Which families of language models may be packed: each is compared with its sequences alone."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from shallowsight.errors import ConfigurationError
from shallowsight.model.language import PACKABLE, require_packable

SIZES = {
    "hidden_size": 32, "n_embd": 32, "intermediate_size": 64, "n_inner": 64, "num_hidden_layers": 2, "num_layers": 2,
    "n_layer": 2, "num_attention_heads": 2, "num_heads": 2, "n_head": 2, "num_key_value_heads": 2, "vocab_size": 64,
    "rotary_dim": 8, "head_dim": 16, "max_position_embeddings": 64, "n_positions": 64,
    "attention_types": [[["global"], 2]], "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip


def language(family: str) -> Any:
    plain = AutoConfig.for_model(family)
    known = {name: value for name, value in SIZES.items() if hasattr(plain, name)}
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **known)).eval()


@pytest.mark.parametrize("family", PACKABLE)
@torch.no_grad()
def test_packed_sequences_do_not_see_each_other(family: str) -> None:
    model = language(family)
    require_packable(model)
    random = torch.randn(1, 12, 32)
    positions = torch.tensor([[*range(5), *range(7)]])
    packed = model.base_model(inputs_embeds=random, position_ids=positions, use_cache=False).last_hidden_state
    for first, last in ((0, 5), (5, 12)):
        alone = model.base_model(inputs_embeds=random[:, first:last], use_cache=False).last_hidden_state
        torch.testing.assert_close(packed[:, first:last], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", ["bloom", "mamba", "opt"])
def test_others_are_refused(family: str) -> None:
    with pytest.raises(ConfigurationError, match=f"packed=true: a '{family}' model would mix the sequences of a row"):
        require_packable(SimpleNamespace(config=SimpleNamespace(model_type=family)))  # type: ignore[arg-type]
