"""Hidden states together with the attentions that the usual pass does not compute."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from shallowsight.model.threads import threads_of
from shallowsight.model.tower.tower import Tower


def with_attentions(tower: Tower, pixels_BCHW: Tensor) -> tuple[Sequence[Tensor], Sequence[Tensor] | None]:
    """Hidden states, and for each layer the attentions [B, H, T, T]; None for a tower that does not give any.

    Only the slow ("eager") way to compute attention has weights to show, so the tower is set to it for this call. The
    weights of all layers are in memory at once: for one picture of 577 tokens, 24 layers and 16 heads 0.5 GB.
    """
    from transformers import PreTrainedModel

    encoder = tower.encoder
    if not isinstance(encoder, PreTrainedModel):
        return tower.hidden_states(pixels_BCHW), None
    config: Any = encoder.config
    usual, recorded = config._attn_implementation, config.output_attentions
    seen: list[Sequence[Tensor] | None] = []
    hook = encoder.register_forward_hook(lambda module, given, out: seen.append(getattr(out, "attentions", None)))
    try:
        encoder.set_attn_implementation("eager")
        if config._attn_implementation != "eager":  # of a model with one way only, which has no weights to show
            return tower.hidden_states(pixels_BCHW), None
        config.output_attentions = True
        # One thread, as for the usual pass: several threads wait for each other whenever another program computes.
        with threads_of(1):
            states = tower.hidden_states(pixels_BCHW)
    finally:
        hook.remove()
        config.output_attentions = recorded
        encoder.set_attn_implementation(usual)
    found = seen[-1] if seen else None
    # A layer that gives no weights leaves None, or its place out.
    whole = found is not None and len(found) == len(states) - 1 and all(each is not None for each in found)
    return states, found if whole else None
