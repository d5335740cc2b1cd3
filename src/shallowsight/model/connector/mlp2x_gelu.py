"""The connector of LLaVA-1.5."""

from torch import nn


class Mlp2xGelu(nn.Sequential):
    """[B, N, D] -> [B, N, H] by two matrices with a GELU between them (LLaVA-1.5, arXiv 2310.03744)."""

    def __init__(self, vision_width: int, language_width: int) -> None:
        super().__init__(nn.Linear(vision_width, language_width), nn.GELU(), nn.Linear(language_width, language_width))
