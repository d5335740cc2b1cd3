"""How far a patch looks: the mean distance to the patches that it attends to (Dosovitskiy et al. 2021, figure 7).

The distances from one patch to all patches, in patches, weighted by its attention; the mean over patches and pictures,
for each head. Attention to other tokens (class token, registers) is left out, and the rest counts as 1.
"""

import torch

from shallowsight.analysis.measures.measure import Batch, Found

ABSENT = "the tower gives no attentions"


class AttentionDistance:
    """Keeps one number of each head."""

    def __init__(self) -> None:
        self._pictures = 0
        self._sums: torch.Tensor | float = 0.0  # K, H

    def add(self, batch: Batch) -> None:
        if batch.attentions is None:
            return
        B, N, _ = batch.patches[0].shape
        distances = _distances(N).to(batch.patches[0].device)
        layers = []
        for layer in batch.attentions:
            between = layer[..., -N:, -N:].double()
            between = between / between.sum(dim=-1, keepdim=True)
            layers.append((between * distances).sum(dim=-1).mean(dim=-1).sum(dim=0))
        self._sums = self._sums + torch.stack(layers).cpu()
        self._pictures += B

    def found(self) -> Found:
        if not self._pictures or isinstance(self._sums, float):
            return Found(0, absent=ABSENT)
        heads = self._sums / self._pictures
        profiles = {
            "mean over heads": heads.mean(dim=1).tolist(),
            "nearest head": heads.min(dim=1).values.tolist(),
            "farthest head": heads.max(dim=1).values.tolist(),
        }
        return Found(self._pictures, profiles=profiles, note="in patches")


def _distances(N: int) -> torch.Tensor:
    """[N, N] between the centres of the patches of a square picture, in patches."""
    G = round(N**0.5)
    at = torch.arange(N)
    places = torch.stack([at // G, at % G], dim=1).double()
    return torch.cdist(places, places)
