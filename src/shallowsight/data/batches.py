"""Batches of examples as tensors, in the order that data/order.py fixes.

Shapes: L layers, B sequences, B' sequences with an image, T tokens, N image tokens, D vision width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from shallowsight.data.conversation import IGNORE, Example, pad_right
from shallowsight.data.features import FeatureSource
from shallowsight.data.order import batch_indices, rank_share


@dataclass(frozen=True)
class Batch:
    """What one forward pass takes."""

    features: list[Tensor]  # L x [B', N, D]
    ids: Tensor  # [B, T]
    mask: Tensor  # [B, T], 1 for tokens, 0 for padding
    labels: Tensor  # [B, T]
    supervised: int  # labels in the whole global batch, over all processes

    def to(self, device: torch.device) -> "Batch":
        return Batch(
            [f.to(device) for f in self.features],
            self.ids.to(device),
            self.mask.to(device),
            self.labels.to(device),
            self.supervised,
        )


@dataclass(frozen=True)
class Batches:
    """Gives one process its micro-batches of every update."""

    examples: Sequence[Example]
    features: FeatureSource
    global_batch: int
    seed: int
    pad: int

    def of_update(self, update: int, rank: int, processes: int, accumulation: int) -> Iterator[Batch]:
        """The micro-batches of update number `update` (from 0) that this process computes."""
        indices = batch_indices(len(self.examples), self.global_batch, self.seed, update)
        supervised = sum(self.examples[i].supervised for i in indices)
        own = rank_share(indices, rank, processes)
        for part in range(accumulation):
            yield self._collate([self.examples[i] for i in own[part::accumulation]], supervised)

    def _collate(self, examples: list[Example], supervised: int) -> Batch:
        images = [e.image for e in examples if e.image is not None]
        lengths = torch.tensor([len(e.ids) for e in examples])
        ids = torch.tensor(pad_right([e.ids for e in examples], self.pad))
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        labels = torch.tensor(pad_right([e.labels for e in examples], IGNORE))
        return Batch(self.features.batch(images) if images else [], ids, mask, labels, supervised)
