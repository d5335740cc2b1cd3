"""Fusions, which turn the features of L layers into one sequence of patch vectors.

Shapes: L layers, B images, N patches, D vision width.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from shallowsight.model.registry import Registry

FUSIONS: Registry[type["Fusion"]] = Registry("fusion")


class Fusion(nn.Module, ABC):
    """Maps L tensors [B, N, D] to one tensor [B, N, out_dim]; a subclass sets `out_dim`."""

    out_dim: int

    def __init__(self, layers: int, width: int) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, features: list[Tensor]) -> Tensor: ...


@FUSIONS.register("single")
class Single(Fusion):
    """One layer, unchanged (the paper's layer-wise comparison)."""

    def __init__(self, layers: int, width: int) -> None:
        super().__init__(layers, width)
        if layers != 1:
            raise ValueError(f"fusion 'single' takes one layer, got {layers}")
        self.out_dim = width

    def forward(self, features: list[Tensor]) -> Tensor:
        return features[0]


@FUSIONS.register("concat")
class Concat(Fusion):
    """Stack along channels, N unchanged (the paper's fusion of layers 3, 18 and 23)."""

    def __init__(self, layers: int, width: int) -> None:
        super().__init__(layers, width)
        self.out_dim = layers * width

    def forward(self, features: list[Tensor]) -> Tensor:
        return torch.cat(features, dim=-1)
