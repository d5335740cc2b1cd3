"""What every fusion is.

Shapes: L layers, B images, N patches, D vision width.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Fusion(nn.Module, ABC):
    """Maps L tensors [B, N, D] to one tensor [B, N, out_dim]; a subclass sets `out_dim`."""

    out_dim: int

    def __init__(self, layers: int, width: int) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, features: list[Tensor]) -> Tensor: ...
