"""The simplest connector that compresses: two matrices, then averages over squares."""

from torch import Tensor, nn

from shallowsight.model.connector.mlp import Mlp
from shallowsight.model.connector.sizes import Sizes
from shallowsight.model.connector.square import Pool, to_square


class AvgpoolMlp(nn.Module):
    """[B, N, D] -> [B, M, H]: mlp2x_gelu, then average pooling, as in the connector study (arXiv 2410.06765)."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.mlp = Mlp(2, sizes.vision_width, sizes.language_width)
        self.pool = Pool(sizes.tokens)

    def forward(self, vectors_BND: Tensor) -> Tensor:
        pooled: Tensor = self.pool(to_square(self.mlp(vectors_BND)))
        return pooled.flatten(1, 2)
