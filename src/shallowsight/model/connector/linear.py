"""The connector of one matrix."""

from torch import nn


class Linear(nn.Sequential):
    """[B, N, D] -> [B, N, H] by one matrix (the paper's connector)."""

    def __init__(self, vision_width: int, language_width: int) -> None:
        super().__init__(nn.Linear(vision_width, language_width))
