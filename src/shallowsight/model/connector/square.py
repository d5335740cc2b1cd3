"""Patch vectors as a square, and the layers that connectors build on it. Channels stay last.

Shapes: B images, N patch vectors, S side of their square (S x S = N), C channels.
"""

from collections.abc import Callable
from math import isqrt

import torch.nn.functional as F
from torch import Tensor, nn

Activation = Callable[[Tensor], Tensor]


def to_square(vectors_BNC: Tensor) -> Tensor:
    """[B, N, C] -> [B, S, S, C], row after row."""
    images, count, width = vectors_BNC.shape
    return vectors_BNC.reshape(images, isqrt(count), isqrt(count), width)


class Pool(nn.Module):
    """[B, S, S, C] -> [B, s, s, C]: averages over s x s windows, which overlap where s does not divide S."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.side = isqrt(tokens)

    def forward(self, square_BSSC: Tensor) -> Tensor:
        pooled: Tensor = F.adaptive_avg_pool2d(square_BSSC.permute(0, 3, 1, 2), self.side)
        return pooled.permute(0, 2, 3, 1)


class DepthWise(nn.Conv2d):
    """[B, S, S, C] -> [B, s, s, C] with s = S / stride, rounded up: a 3 x 3 kernel for each channel by itself."""

    def __init__(self, width: int, stride: int = 1, bias: bool = False) -> None:
        super().__init__(width, width, 3, stride=stride, padding=1, groups=width, bias=bias)

    def forward(self, square_BSSC: Tensor) -> Tensor:
        return super().forward(square_BSSC.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class SqueezeExcite(nn.Module):
    """[B, S, S, C] -> [B, S, S, C]: each channel times a gate that is computed from the means of all channels."""

    def __init__(self, width: int, inner: int, activation: Activation, gate: Activation) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Linear(width, inner), nn.Linear(inner, width)
        self._activation, self._gate = activation, gate

    def forward(self, square_BSSC: Tensor) -> Tensor:
        inner = self._activation(self.squeeze(square_BSSC.mean((1, 2))))
        return square_BSSC * self._gate(self.excite(inner))[:, None, None]
