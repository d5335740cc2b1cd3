"""The fusion of ViP-LLaVA: layers side by side, and a layer norm over all of them."""

from collections.abc import Mapping

from torch import Tensor, nn

from shallowsight.model.fusion.blocks import Blocks
from shallowsight.model.fusion.fusion import Features
from shallowsight.study.layers import Layers


class ConcatNorm(Blocks):
    """[B, N, D] of L layers to LN(x_1 .. x_L side by side), [B, N, L x D] (ViP-LLaVA, arXiv 2312.00784).

    The norm's weights and biases are 2 x L x D parameters.
    """

    def __init__(self, kind: str, layers: Layers, widths: Mapping[int, int]) -> None:
        super().__init__(kind, layers, widths)
        self.norm = nn.LayerNorm(self.out_dim, eps=1e-5)

    def forward(self, features: Features) -> Tensor:
        normed: Tensor = self.norm(super().forward(features))
        return normed
