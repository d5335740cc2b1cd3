"""Fusions whose channels are means of layers: single, concat, mean, mean-concat, and DenseConnector's SCI and DCI."""

from collections.abc import Mapping

import torch
from torch import Tensor

from shallowsight.model.fusion.fusion import Features, Fusion
from shallowsight.study.fusions import blocks_of
from shallowsight.study.layers import Layers


class Blocks(Fusion):
    """[B, N, D] of each layer to [B, N, blocks x D]: the mean of each block's layers, side by side.

    Sources: the layer study (arXiv 2504.21447) for one layer and concat, E_D of the multi-layer fusion study
    (arXiv 2503.06063) for means, DenseConnector (arXiv 2405.13800) for SCI and DCI. No parameters.
    """

    def __init__(self, kind: str, layers: Layers, widths: Mapping[int, int]) -> None:
        super().__init__(kind, layers, widths)
        self.blocks = blocks_of(layers, kind)

    def forward(self, features: Features) -> Tensor:
        means = [mean_of(features, block) for block in self.blocks]
        return means[0] if len(means) == 1 else torch.cat(means, dim=-1)


def mean_of(features: Features, layers: tuple[int, ...]) -> Tensor:
    """[B, N, D]: the mean of some layers, one layer unchanged."""
    if len(layers) == 1:
        return features[layers[0]]
    return (summed(features, layers) / len(layers)).to(features[layers[0]].dtype)


def summed(features: Features, layers: tuple[int, ...]) -> Tensor:
    """[B, N, D] in float32 or wider: the sum of some layers. In bfloat16 every addition would round by up to 0.4 %."""
    # One after another: a stack of 24 layers of CLIP-L would take 24 times the memory.
    first = features[layers[0]]
    total = first.to(torch.promote_types(first.dtype, torch.float32))
    for layer in layers[1:]:
        total = total + features[layer]
    return total
