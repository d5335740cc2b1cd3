"""The fusion that learns how much each layer counts."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from shallowsight.model.fusion.fusion import Features, Fusion
from shallowsight.study.fusions import blocks_of
from shallowsight.study.layers import Layers


class ScalarMix(Fusion):
    """[B, N, D] of L layers to s * sum_k softmax(w)_k x_k, [B, N, D] (ELMo, arXiv 1802.05365, equation 1).

    L + 1 parameters, w = 0 and s = 1: it starts as the mean.
    """

    def __init__(self, kind: str, layers: Layers, widths: Mapping[int, int]) -> None:
        super().__init__(kind, layers, widths)
        (self.layers,) = blocks_of(layers, kind)
        self.weights = nn.Parameter(torch.zeros(len(self.layers)))
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, features: Features) -> Tensor:
        # In float32: bfloat16 would round a share, and every addition, by up to 0.4 %. A share stays a vector of one
        # number, because a product of a tensor and a scalar has the tensor's precision.
        shares = (self.scale.float() * self.weights.float().softmax(dim=0)).unsqueeze(1)
        # One layer after another: a stack of 24 layers of CLIP-L would take 24 times the memory.
        total = shares[0] * self.read(features, self.layers[0])
        for share, layer in zip(shares[1:], self.layers[1:], strict=True):
            total = total + share * self.read(features, layer)
        mixed: Tensor = total.to(features[self.layers[0]].dtype)
        return mixed

    def read(self, features: Features, layer: int) -> Tensor:
        """[B, N, D]: a layer as it goes into the sum."""
        return features[layer]
