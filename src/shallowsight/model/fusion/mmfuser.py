"""MMFuser: the last layer looks for detail in the other layers."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from shallowsight.model.fusion.deformable_attention import DeformableAttention
from shallowsight.model.fusion.fusion import Features, Fusion
from shallowsight.study.fusions import mmfuser_heads
from shallowsight.study.layers import Layers

_EPS = 1e-6


class MMFuser(Fusion):
    """[B, N, D] of L layers to [B, N, D], N a square (MMFuser, arXiv 2410.11829).

    With Q the last layer and F the other L - 1 layers:

        A = attention(LN(Q), LN(F));  A' = A + gamma2 * attention(LN'(A), LN'(A));  Q + gamma1 * A'

    Both are deformable attention. gamma1 and gamma2, of D numbers each, start at 0: at first the last layer passes
    unchanged and gamma1 alone learns, the attention between layers from the second update on, all from the third on.

    MMFuser has 16 heads, of width 64 in CLIP-ViT-L. Here a tower of another width has heads of 64 too, or as near to it
    as divides its width: 6 heads in DINOv2-small (384), 12 in a ViT-B (768), 18 in SigLIP-so400m (1152).
    """

    def __init__(self, kind: str, layers: Layers, widths: Mapping[int, int]) -> None:
        """Raises ValueError when the width does not divide into heads."""
        super().__init__(kind, layers, widths)
        *self.others, self.base = layers.indices
        width = self.out_dim
        heads = mmfuser_heads(width)
        self.query_norm = nn.LayerNorm(width, eps=_EPS)
        self.value_norm = nn.LayerNorm(width, eps=_EPS)
        self.across_layers = DeformableAttention(width, heads, levels=len(self.others))
        self.gamma1 = nn.Parameter(torch.zeros(width))
        self.norm = nn.LayerNorm(width, eps=_EPS)
        self.within = DeformableAttention(width, heads, levels=1)
        self.gamma2 = nn.Parameter(torch.zeros(width))

    def forward(self, features: Features) -> Tensor:
        base = features[self.base]
        others_BLND = torch.stack([features[layer] for layer in self.others], dim=1)
        found = self.across_layers(self.query_norm(base), self.value_norm(others_BLND))
        normed = self.norm(found)
        found = found + self.gamma2 * self.within(normed, normed.unsqueeze(1))
        fused: Tensor = base + self.gamma1 * found
        return fused
