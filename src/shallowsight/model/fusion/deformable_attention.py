"""Multi-scale deformable attention (Deformable DETR, arXiv 2010.04159, equation 3) between square grids of equal size.

Shapes: B images, S side of a grid, N = S x S queries, D width, M heads of width W, L levels, K points.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shallowsight.study.fusions import MMFUSER_POINTS


class DeformableAttention(nn.Module):
    """Each query looks, in each head and level, at four points near its own place, and takes their weighted sum.

    It starts by looking 1, 2, 3 and 4 patches away, in a direction of its own for each head, with equal weights.
    """

    def __init__(self, width: int, heads: int, levels: int) -> None:
        """`heads` divides `width`."""
        super().__init__()
        self.heads, self.levels = heads, levels
        self.offsets = nn.Linear(width, heads * levels * MMFUSER_POINTS * 2)
        self.weights = nn.Linear(width, heads * levels * MMFUSER_POINTS)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        for linear in (self.value, self.output):
            nn.init.xavier_uniform_(linear.weight)
        for linear in (self.offsets, self.weights):
            nn.init.zeros_(linear.weight)
        for linear in (self.weights, self.value, self.output):
            nn.init.zeros_(linear.bias)
        angles = torch.arange(self.heads) * (2 * math.pi / self.heads)
        directions = torch.stack([angles.cos(), angles.sin()], dim=-1)
        directions = directions / directions.abs().amax(dim=-1, keepdim=True)  # to the edge of a square
        steps = torch.arange(1, MMFUSER_POINTS + 1)
        offsets_MKX = directions[:, None, :] * steps[None, :, None]
        self.offsets.bias.copy_(offsets_MKX[:, None].expand(-1, self.levels, -1, -1).flatten())

    def forward(self, queries_BND: Tensor, values_BLND: Tensor) -> Tensor:
        """[B, N, D] for queries [B, N, D] and values [B, L, N, D], all of them grids row by row."""
        B, N, D = queries_BND.shape
        side = math.isqrt(N)
        shape = (B, N, self.heads, self.levels, MMFUSER_POINTS)
        # Places and sums are computed in float32: bfloat16 would round a place by up to an eighth of a patch.
        weights = self.weights(queries_BND).float().view(*shape[:3], -1).softmax(dim=-1).view(shape)
        offsets = self.offsets(queries_BND).float().view(*shape, 2)
        # In grid_sample's units the picture reaches from -1 to 1, so that a patch is 2 / side wide.
        places = (offsets / side * 2 + _centres(side, offsets.device).view(N, 1, 1, 1, 2)).permute(3, 0, 2, 1, 4, 5)
        grids = (
            self.value(values_BLND).float().permute(1, 0, 3, 2).reshape(self.levels, -1, D // self.heads, side, side)
        )
        found = queries_BND.new_zeros((), dtype=torch.float32)
        # One level after another: the samples of all of them together would be held twice.
        for grid, place, weight in zip(grids, places, weights.permute(3, 0, 2, 1, 4), strict=True):
            samples = F.grid_sample(grid, place.flatten(0, 1), padding_mode="zeros", align_corners=False)
            found = found + torch.einsum("bwnk,bnk->bwn", samples, weight.flatten(0, 1))
        summed = found.reshape(B, D, N).transpose(1, 2).to(queries_BND.dtype)
        attended: Tensor = self.output(summed)
        return attended


def _centres(side: int, device: torch.device) -> Tensor:
    """[N, 2]: x and y of the middle of every patch, where the picture reaches from -1 to 1."""
    middles = (torch.arange(side, dtype=torch.float32, device=device) + 0.5) / side * 2 - 1
    y, x = torch.meshgrid(middles, middles, indexing="ij")
    return torch.stack([x, y], dim=-1).flatten(0, 1)
