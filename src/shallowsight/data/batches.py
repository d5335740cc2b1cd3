"""Batches of examples as tensors, in the order that data/order.py fixes.

Shapes: L layers, B rows, B' sequences with an image, T tokens, N image tokens, D vision width, C H W of pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from shallowsight.data.conversation import IGNORE, Example, pad_right
from shallowsight.data.examples import Examples
from shallowsight.data.features import FeatureSource
from shallowsight.data.order import ByLength, batch_indices, rank_share
from shallowsight.data.packing import pack


@dataclass(frozen=True)
class Batch:
    """The input of one forward pass; the tensors are on the CPU until `to` moves them."""

    pictures: list[Tensor]  # from FeatureSource.load: L x [B', N, D], or one [B', C, H, W]; empty without pictures
    ids: Tensor  # [B, T]
    mask: Tensor  # [B, T], 1 for tokens, 0 for padding
    positions: Tensor | None  # [B, T] for packed rows, from 0 in every sequence; None: one sequence in each row
    labels: Tensor  # [B, T]
    supervised: int  # the number of labels with loss in the whole global batch, over all processes

    def to(self, device: torch.device) -> "Batch":
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        return self._map(Tensor.pin_memory)

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        positions = None if self.positions is None else change(self.positions)
        ids, mask, labels = change(self.ids), change(self.mask), change(self.labels)
        pictures = [change(picture) for picture in self.pictures]
        return replace(self, pictures=pictures, ids=ids, mask=mask, positions=positions, labels=labels)


@dataclass(frozen=True)
class Share:
    """A process's share of every global batch: its number, the number of processes, and the number of micro-batches."""

    rank: int
    processes: int
    accumulation: int


class Batches:
    """Gives one process its micro-batches of every update."""

    def __init__(
        self,
        examples: Examples,
        features: FeatureSource,
        global_batch: int,
        seed: int,
        pad: int,
        *,
        by_length: bool = False,
        row_tokens: int | None = None,
    ) -> None:
        """`pad` is a token id. Rows are packed up to `row_tokens` tokens; None: one sequence in each row."""
        self.examples = examples
        self._features, self._pad, self._row_tokens = features, pad, row_tokens
        self._global_batch, self._seed = global_batch, seed
        self._by_length = ByLength(examples.lengths, global_batch, seed) if by_length else None

    def indices(self, update: int) -> list[int]:
        """The samples of update number `update` (from 0), over all processes."""
        if self._by_length is not None:
            return self._by_length.batch_indices(update)
        return batch_indices(len(self.examples), self._global_batch, self._seed, update)

    def names(self, update: int) -> list[str]:
        """The ids, from the user's file, of the records in an update's batch."""
        return [self.examples[number].id for number in self.indices(update)]

    def digest(self, update: int) -> str:
        """A digest of an update's samples, equal for equal samples in equal order."""
        return sha256(np.array(self.indices(update), dtype="<i8").tobytes()).hexdigest()[:16]

    def micro_batch(self, update: int, part: int, share: Share) -> Batch:
        """Micro-batch number `part` (from 0) of this process's share of an update."""
        indices = self.indices(update)
        by_length = sorted(indices, key=lambda number: int(self.examples.lengths[number]))
        own = rank_share(by_length, share.rank, share.processes)
        size = len(own) // share.accumulation
        # Sequences of similar length share a micro-batch, the same lengths in all processes at once, so that there is
        # little padding. Packed rows have little padding anyway, and need short sequences to fill them.
        chosen = own[part * size : (part + 1) * size] if self._row_tokens is None else own[part :: share.accumulation]
        supervised = int(self.examples.supervised[indices].sum())
        return self._collate([self.examples[number] for number in chosen], supervised)

    def _collate(self, examples: list[Example], supervised: int) -> Batch:
        if self._row_tokens is None:
            rows = [[example] for example in examples]
        else:
            packed = pack([len(example.ids) for example in examples], self._row_tokens)
            rows = [[examples[number] for number in row] for row in packed]
        batch = collate(rows, self._features, self._pad, supervised)
        if self._row_tokens is None:
            return batch
        return replace(batch, positions=torch.tensor([_positions(row, batch.ids.shape[1]) for row in rows]))


def collate(rows: Sequence[Sequence[Example]], features: FeatureSource, pad: int, supervised: int) -> Batch:
    """The batch of some rows, padded on the right with the token `pad`, without positions; `supervised` as in Batch."""
    images = [e.image for row in rows for e in row if e.image is not None]
    lengths = torch.tensor([sum(len(e.ids) for e in row) for row in rows])
    ids = torch.tensor(pad_right([[i for e in row for i in e.ids] for row in rows], pad))
    # The first token of a sequence has no label, because there is no token before it to predict it from.
    labels = torch.tensor(pad_right([[i for e in row for i in (IGNORE, *e.labels[1:])] for row in rows], IGNORE))
    mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
    return Batch(features.load(images) if images else [], ids, mask, None, labels, supervised)


def _positions(row: Sequence[Example], width: int) -> list[int]:
    """The positions of a packed row; its padding counts from 0, as if it were one more sequence."""
    parts = [len(e.ids) for e in row]
    return [place for length in (*parts, width - sum(parts)) for place in range(length)]


class MicroBatches(Dataset[Batch]):
    """The micro-batches of one process. Item n is part n % accumulation of update n // accumulation."""

    def __init__(self, batches: Batches, share: Share) -> None:
        self._batches, self._share = batches, share

    def __getitem__(self, number: int) -> Batch:
        update, part = divmod(number, self._share.accumulation)
        return self._batches.micro_batch(update, part, self._share)
