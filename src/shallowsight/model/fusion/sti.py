"""DenseConnector's sparse token integration: more tokens, not wider ones."""

from collections.abc import Mapping

import torch
from torch import Tensor

from shallowsight.model.fusion.fusion import Features, Fusion
from shallowsight.study.fusions import STI_POOL
from shallowsight.study.layers import Layers


class Sti(Fusion):
    """[B, N, D] of L layers to [B, N + (L - 1) x (N // 8), D] (STI of DenseConnector, arXiv 2405.13800).

    The tokens of the last layer, then of each other layer, shallow first, the averages of eight tokens that follow each
    other row by row through the picture; the last N % 8 tokens are left out. No parameters.
    """

    def __init__(self, kind: str, layers: Layers, widths: Mapping[int, int]) -> None:
        super().__init__(kind, layers, widths)
        *self.others, self.base = layers.indices

    def forward(self, features: Features) -> Tensor:
        return torch.cat([features[self.base], *(_averages(features[layer]) for layer in self.others)], dim=1)


def _averages(tokens_BND: Tensor) -> Tensor:
    """[B, N // 8, D]"""
    B, N, D = tokens_BND.shape
    averages = N // STI_POOL
    return tokens_BND[:, : averages * STI_POOL].reshape(B, averages, STI_POOL, D).mean(dim=2)
