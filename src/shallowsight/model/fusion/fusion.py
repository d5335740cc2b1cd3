"""What every fusion is.

Shapes: B images, N patches, D vision width.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

from shallowsight.study.fusions import fused_width
from shallowsight.study.layers import Layers

Features = Mapping[int, Tensor]  # layer -> [B, N, D]


class Fusion(nn.Module, ABC):
    """Maps the features of the layers that a setting reads to one tensor [B, N, out_dim]."""

    def __init__(self, kind: str, layers: Layers, widths: Mapping[int, int]) -> None:
        """`widths` has D for each layer that is read; the study has checked that the fusion can take them."""
        super().__init__()
        self.out_dim = fused_width(layers, kind, widths)

    @abstractmethod
    def forward(self, features: Features) -> Tensor: ...
