"""A resampler: learned queries that attend to the patch vectors (Qwen-VL, arXiv 2308.12966)."""

from math import isqrt, sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shallowsight.model.connector.sizes import Sizes

_HEAD_WIDTH = 128
_EPSILON = 1e-6
_SPREAD = 0.02  # of the first queries and matrices
_LONGEST_WAVE = 10_000.0


class Resampler(nn.Module):
    """[B, N, D] -> [B, M, H] by one layer of cross-attention, with a layer norm before and after it.

    As in Qwen-VL, queries and patches have fixed sine positions in one system of coordinates, in which the side of the
    queries' square has sqrt(M) steps. What differs: the patches' positions are computed, not interpolated from the
    queries'; there is no matrix after the last norm; keys have no bias, of which attention sees nothing; and patch
    vectors are projected even where D is H. Where M is no square, queries have no positions; where N is no square,
    patches are counted in a row.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.language_width
        self._heads = heads_of(width)
        self.queries = nn.Parameter(torch.empty(sizes.tokens, width))
        self.project = nn.Linear(sizes.vision_width, width, bias=False)
        self.norm_queries = nn.LayerNorm(width, eps=_EPSILON)
        self.norm_patches = nn.LayerNorm(width, eps=_EPSILON)
        # One matrix each, not torch's MultiheadAttention: that reads the weight of a part without calling the part, so
        # that ZeRO 3 would not gather it.
        self.to_query, self.to_value = nn.Linear(width, width), nn.Linear(width, width)
        self.to_key = nn.Linear(width, width, bias=False)
        self.leave = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=_EPSILON)
        self._set_first_weights()
        side = isqrt(sizes.tokens)
        on_square = side * side == sizes.tokens
        span = side if on_square else isqrt(sizes.patches)
        # Computed, so that no checkpoint holds them.
        of_queries = places(sizes.tokens, span, width) if on_square else torch.zeros(sizes.tokens, width)
        self.register_buffer("query_places", of_queries, persistent=False)
        self.register_buffer("patch_places", places(sizes.patches, span, width), persistent=False)

    def _set_first_weights(self) -> None:
        for tensor in (self.queries, self.project.weight, self.leave.weight):
            nn.init.trunc_normal_(tensor, std=_SPREAD)
        for part in (self.to_query, self.to_key, self.to_value):
            # As parts of one matrix of 3 H rows, which torch's MultiheadAttention has.
            nn.init.xavier_uniform_(part.weight, gain=sqrt(0.5))
        for part in (self.to_query, self.to_value, self.leave):
            nn.init.zeros_(part.bias)

    def forward(self, vectors_BND: Tensor) -> Tensor:
        patches_BNH = self.norm_patches(self.project(vectors_BND))
        queries_MH = self.norm_queries(self.queries) + self.query_places
        queries = self._apart(self.to_query(queries_MH).expand(len(vectors_BND), -1, -1))
        keys = self._apart(self.to_key(patches_BNH + self.patch_places))
        seen = F.scaled_dot_product_attention(queries, keys, self._apart(self.to_value(patches_BNH)))
        found: Tensor = self.norm(self.leave(seen.transpose(1, 2).flatten(2)))
        return found

    def _apart(self, vectors_BNH: Tensor) -> Tensor:
        """[B, N, H] -> [B, heads, N, H / heads]."""
        images, count, width = vectors_BNH.shape
        return vectors_BNH.reshape(images, count, self._heads, width // self._heads).transpose(1, 2)


def heads_of(width: int) -> int:
    """One head for each 128 numbers, or the next smaller number that divides the width."""
    return next(heads for heads in range(max(1, width // _HEAD_WIDTH), 0, -1) if width % heads == 0)


def places(count: int, span: float, width: int) -> Tensor:
    """[count, width]: sines and cosines of the column, then of the row, of a square's cells, row after row.

    The cells are spread evenly over `span` steps of each side. Where `count` is no square, they are in one row, a step
    each.
    """
    side = isqrt(count)
    if side * side != count:
        return _waves(torch.arange(count, dtype=torch.float64), width)
    cells = (torch.arange(side, dtype=torch.float64) + 0.5) * (span / side) - 0.5
    half = width // 2
    return torch.cat([_waves(cells.repeat(side), half), _waves(cells.repeat_interleave(side), width - half)], dim=1)


def _waves(at: Tensor, width: int) -> Tensor:
    """[count, width]: sines, then cosines, of waves from a step to 10,000 steps long; a number left over is 0."""
    waves = width // 2
    angles = at[:, None] * _LONGEST_WAVE ** (-torch.arange(waves, dtype=torch.float64) / max(1, waves))
    return F.pad(torch.cat([angles.sin(), angles.cos()], dim=1), (0, width - 2 * waves)).float()
