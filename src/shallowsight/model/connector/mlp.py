"""The connectors of one or several matrices: `linear`, `mlp2x_gelu`, `mlp3x_gelu`, ..."""

from torch import nn


class Mlp(nn.Sequential):
    """[B, N, D] -> [B, N, H] by matrices with a GELU between them.

    One matrix is the paper's connector, two are LLaVA-1.5's (arXiv 2310.03744).
    """

    def __init__(self, matrices: int, vision_width: int, language_width: int) -> None:
        parts: list[nn.Module] = [nn.Linear(vision_width, language_width)]
        for _ in range(matrices - 1):
            parts += [nn.GELU(), nn.Linear(language_width, language_width)]
        super().__init__(*parts)
