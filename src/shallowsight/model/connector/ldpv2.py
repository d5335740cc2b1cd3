"""MobileVLM V2's lightweight downsample projector, LDPv2 (arXiv 2402.03766)."""

from torch import Tensor, nn

from shallowsight.model.connector.mlp import Mlp
from shallowsight.model.connector.sizes import Sizes
from shallowsight.model.connector.square import DepthWise, Pool, to_square


class Ldpv2(nn.Module):
    """[B, N, D] -> [B, M, H]: mlp2x_gelu, average pooling, and a depth-wise convolution added to its input."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.mlp = Mlp(2, sizes.vision_width, sizes.language_width)
        self.pool = Pool(sizes.tokens)
        self.spread = DepthWise(sizes.language_width, bias=True)

    def forward(self, vectors_BND: Tensor) -> Tensor:
        square: Tensor = self.pool(to_square(self.mlp(vectors_BND)))
        found: Tensor = square + self.spread(square)
        return found.flatten(1, 2)
