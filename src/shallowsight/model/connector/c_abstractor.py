"""Honeybee's C-abstractor: convolutions, average pooling, convolutions (arXiv 2312.06742)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shallowsight.model.connector.sizes import Sizes
from shallowsight.model.connector.square import DepthWise, Pool, SqueezeExcite, to_square

_DEPTH = 3  # blocks before the pooling, and as many after it
_SPREAD = 0.02  # of the first positions


class CAbstractor(nn.Module):
    """[B, N, D] -> [B, M, H], with learned positions of the patches.

    The width is D throughout; Honeybee's is 1024, which is the D of its tower. Honeybee's learned tokens that may
    follow the image (it uses none) are left out.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.vision_width
        self.positions = nn.Parameter(torch.empty(1, sizes.patches, width))
        nn.init.trunc_normal_(self.positions, std=_SPREAD)
        self.before = nn.Sequential(*(Block(width) for _ in range(_DEPTH)))
        self.pool = Pool(sizes.tokens)
        self.after = nn.Sequential(*(Block(width) for _ in range(_DEPTH)))
        self.readout = nn.Sequential(
            nn.Linear(width, sizes.language_width),
            nn.SiLU(),
            nn.Linear(sizes.language_width, sizes.language_width),
        )

    def forward(self, vectors_BND: Tensor) -> Tensor:
        square = self.before(to_square(vectors_BND + self.positions))
        found: Tensor = self.readout(self.after(self.pool(square)).flatten(1, 2))
        return found


class Block(nn.Module):
    """[B, S, S, C] -> [B, S, S, C]: RegNet's bottleneck with a kernel for each channel by itself, as timm builds it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter = nn.Linear(width, width, bias=False)
        self.norm_enter = nn.LayerNorm(width)
        self.spread = DepthWise(width)
        self.norm_spread = nn.LayerNorm(width)
        self.excitation = SqueezeExcite(width, round(width / 4), F.silu, torch.sigmoid)
        self.leave = nn.Linear(width, width, bias=False)
        self.norm_leave = nn.LayerNorm(width)

    def forward(self, square_BSSC: Tensor) -> Tensor:
        inner = F.silu(self.norm_enter(self.enter(square_BSSC)))
        inner = self.excitation(F.silu(self.norm_spread(self.spread(inner))))
        return F.silu(square_BSSC + self.norm_leave(self.leave(inner)))
