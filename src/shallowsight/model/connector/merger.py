"""Qwen3-VL's merger, which turns each layer's patch vectors into image tokens."""

from torch import Tensor, nn

from shallowsight.model.connector.sizes import Sizes
from shallowsight.model.connector.square import to_square

_EPSILON = 1e-6


class Merger(nn.Module):
    """[B, N, D] -> [B, M, H] by a layer norm, a matrix that keeps the width, a GELU and a matrix.

    With M = N / 4, each token is made of 2 x 2 patch vectors side by side: the upper two, then the lower two. Qwen3-VL
    always merges 2 x 2, and its last layer's merger normalises before it joins; here all of it is as in its mergers for
    DeepStack.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self._joins = sizes.tokens < sizes.patches
        width = sizes.vision_width * (4 if self._joins else 1)
        self.norm = nn.LayerNorm(width, eps=_EPSILON)
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, sizes.language_width)
        self.activation = nn.GELU()

    def forward(self, vectors_BND: Tensor) -> Tensor:
        if self._joins:
            vectors_BND = _joined(vectors_BND)
        found: Tensor = self.outer(self.activation(self.inner(self.norm(vectors_BND))))
        return found


def _joined(vectors_BND: Tensor) -> Tensor:
    """[B, N, D] -> [B, N/4, 4D]."""
    square = to_square(vectors_BND)
    images, side, _, width = square.shape
    blocks = square.reshape(images, side // 2, 2, side // 2, 2, width)
    return blocks.transpose(2, 3).reshape(images, -1, 4 * width)
