"""The fusion that adds layers up."""

from collections.abc import Mapping

from torch import Tensor

from shallowsight.model.fusion.blocks import summed
from shallowsight.model.fusion.fusion import Features, Fusion
from shallowsight.study.fusions import blocks_of
from shallowsight.study.layers import Layers


class Sum(Fusion):
    """[B, N, D] of each layer to their sum [B, N, D]; the mean at another scale. No parameters."""

    def __init__(self, kind: str, layers: Layers, widths: Mapping[int, int]) -> None:
        super().__init__(kind, layers, widths)
        (self.layers,) = blocks_of(layers, kind)

    def forward(self, features: Features) -> Tensor:
        return summed(features, self.layers).to(features[self.layers[0]].dtype)
