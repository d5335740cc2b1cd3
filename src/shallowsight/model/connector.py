"""Connectors, which map fused vision features to the language model's width.

Shapes: B images, N patches, D fused width, H language width.
"""

from collections.abc import Callable

from torch import nn

from shallowsight.model.registry import Registry

CONNECTORS: Registry[Callable[[int, int], nn.Module]] = Registry("connector")  # (D, H) -> module


@CONNECTORS.register("linear")
class Linear(nn.Sequential):
    """[B, N, D] -> [B, N, H] by one matrix (the paper's connector)."""

    def __init__(self, vision_width: int, language_width: int) -> None:
        super().__init__(nn.Linear(vision_width, language_width))


@CONNECTORS.register("mlp2x_gelu")
class Mlp2xGelu(nn.Sequential):
    """[B, N, D] -> [B, N, H] by two matrices with a GELU between them (LLaVA-1.5, arXiv 2310.03744)."""

    def __init__(self, vision_width: int, language_width: int) -> None:
        super().__init__(nn.Linear(vision_width, language_width), nn.GELU(), nn.Linear(language_width, language_width))
