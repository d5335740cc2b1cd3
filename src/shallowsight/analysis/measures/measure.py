"""What a measure reads, one batch of pictures at a time, and what it leaves.

Shapes: K layers, B pictures, N patches, P tokens in front of the patches, D vision width, H heads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from shallowsight.analysis.hsic import Matrix
from shallowsight.model.tower.tower import Tower


@dataclass(frozen=True)
class Batch:
    """The same pictures at every layer, first layer first."""

    patches: Sequence[Tensor]  # K of [B, N, D]
    class_tokens: Sequence[Tensor] | None  # K of [B, D]; None where the tower has no class token
    attentions: Sequence[Tensor] | None = None  # K of [B, H, P + N, P + N]; None where nobody asked or there are none

    @cached_property
    def pooled(self) -> Matrix:
        """[K, B, D]: the mean patch vector of each picture."""
        means: Matrix = torch.stack([layer.double().mean(dim=1) for layer in self.patches]).cpu().numpy()
        return means

    def __len__(self) -> int:
        return len(self.patches[0])


def batch_of(tower: Tower, states: Sequence[Tensor], attentions: Sequence[Tensor] | None = None) -> Batch:
    """From the hidden states of layers 1 to K, without the embeddings."""
    first = [state[:, 0] for state in states] if tower.facts.has_class_token else None
    return Batch(_together([tower.patches(state) for state in states]), first, attentions)


def _together(layers: Sequence[Tensor]) -> list[Tensor]:
    """K layers [B, N, D] in one space.

    Layers of different widths are put into different parts of one space: their cosine is 0, because their vectors share
    no direction, and their CKA is what it is, because products of a layer's own vectors do not change.
    """
    if len({layer.shape[-1] for layer in layers}) == 1:
        return list(layers)
    widths = sorted({layer.shape[-1] for layer in layers})
    first = {width: sum(widths[:at]) for at, width in enumerate(widths)}
    pads = [(first[layer.shape[-1]], sum(widths) - first[layer.shape[-1]] - layer.shape[-1]) for layer in layers]
    return [F.pad(layer, pad) for layer, pad in zip(layers, pads, strict=True)]


@dataclass(frozen=True)
class Found:
    """A matrix over pairs of layers, or profiles over layers, or the reason why there is neither.

    A profile with K - 1 values has one for each pair of neighbours.
    """

    pictures: int
    matrix: Matrix | None = None  # [K, K]
    profiles: Mapping[str, Sequence[float]] = field(default_factory=dict)
    absent: str | None = None
    note: str = ""


class Measure(Protocol):
    """Add batches, then read; reading changes nothing."""

    def add(self, batch: Batch) -> None:
        """Add some pictures that were not added before."""

    def found(self) -> Found:
        """Over all pictures that were added."""
