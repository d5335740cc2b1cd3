"""MobileVLM's lightweight downsample projector, LDP (arXiv 2312.16886)."""

import torch.nn.functional as F
from torch import Tensor, nn

from shallowsight.model.connector.mlp import Mlp
from shallowsight.model.connector.sizes import Sizes
from shallowsight.model.connector.square import DepthWise, SqueezeExcite, to_square
from shallowsight.study.connectors import ldp_squeezed


class Ldp(nn.Module):
    """[B, N, D] -> [B, M, H]: mlp2x_gelu, then two blocks of MobileNetV3, the second with stride 2."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.mlp = Mlp(2, sizes.vision_width, sizes.language_width)
        self.blocks = nn.Sequential(Block(sizes.language_width, stride=1), Block(sizes.language_width, stride=2))

    def forward(self, vectors_BND: Tensor) -> Tensor:
        square: Tensor = self.blocks(to_square(self.mlp(vectors_BND)))
        return square.flatten(1, 2)


class Block(nn.Module):
    """[B, S, S, C] -> [B, s, s, C] with s = S / stride, rounded up: an inverted residual of MobileNetV3.

    Its inner width is C, so that it has no matrix that expands. With stride 2 nothing is added to its output.
    """

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self._adds = stride == 1
        self.spread = DepthWise(width, stride)
        self.norm_spread = nn.LayerNorm(width)
        self.excitation = SqueezeExcite(width, ldp_squeezed(width), F.relu, F.hardsigmoid)
        self.leave = nn.Linear(width, width, bias=False)
        self.norm_leave = nn.LayerNorm(width)

    def forward(self, square_BSSC: Tensor) -> Tensor:
        inner = self.excitation(F.hardswish(self.norm_spread(self.spread(square_BSSC))))
        found: Tensor = self.norm_leave(self.leave(inner))
        return square_BSSC + found if self._adds else found
