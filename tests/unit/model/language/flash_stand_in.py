"""Stands in for flash-attn, which needs a GPU: the same attention on a CPU, told apart by what flash-attn is told.

It shows what reaches flash-attn, not flash-attn.
"""

from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.modeling_utils import PreTrainedModel

from shallowsight.model.language import language

# Where transformers calls it: for most families in one place.
_CALLERS = ("integrations.flash_attention", *(f"models.{f}.modeling_{f}" for f in ("gptj", "gpt_neo", "falcon")))


def put_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every language model that is loaded takes it."""
    monkeypatch.setattr(language, "_attention", lambda model, dtype: "flash_attention_2")
    monkeypatch.setattr(
        PreTrainedModel, "_check_and_adjust_attn_implementation", lambda _, chosen, *__, **___: chosen or "eager"
    )
    # What it is for, float32 that should be bfloat16, is what is compared here.
    monkeypatch.setattr("transformers.integrations.flash_attention.get_target_dtype", lambda *_: None)
    for caller in _CALLERS:
        monkeypatch.setattr(
            import_module(f"transformers.{caller}"), "_flash_attention_forward", _attention, raising=False
        )


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    query_length: int,
    is_causal: bool,
    dropout: float = 0.0,
    position_ids: Tensor | None = None,
    softmax_scale: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,
) -> Tensor:
    """All of [B, T, heads, width]. As flash-attn it finds sequences in the positions of a single row alone."""
    assert attention_mask is None and is_causal and dropout == 0
    T, groups = query.shape[1], query.shape[2] // key.shape[2]
    key, value = (part.repeat_interleave(groups, dim=2) for part in (key, value))
    scale = query.shape[-1] ** -0.5 if softmax_scale is None else softmax_scale
    scores = torch.einsum("bqhd,bkhd->bhqk", query, key) * scale
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    distance = torch.arange(T)[:, None] - torch.arange(T)[None]
    seen = distance >= 0
    if sliding_window is not None:
        seen = seen & (distance < sliding_window)
    if position_ids is not None and len(query) == 1:
        sequence = (position_ids[0] == 0).cumsum(dim=0)
        seen = seen & (sequence[:, None] == sequence[None])
    weights = scores.masked_fill(~seen, float("-inf")).softmax(dim=-1)
    return torch.einsum("bhqk,bkhd->bqhd", weights, value).contiguous()
