"""The fusion of several layers along their channels."""

import torch
from torch import Tensor

from shallowsight.model.fusion.fusion import Fusion


class Concat(Fusion):
    """L times [B, N, D] to [B, N, L D] (the paper's fusion of layers 3, 18 and 23)."""

    def __init__(self, layers: int, width: int) -> None:
        super().__init__(layers, width)
        self.out_dim = layers * width

    def forward(self, features: list[Tensor]) -> Tensor:
        return torch.cat(features, dim=-1)
