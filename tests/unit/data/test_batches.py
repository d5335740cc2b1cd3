"""Batches: the right samples, masks, labels and features, however many processes share them."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from shallowsight.data.batches import Batch, Batches
from shallowsight.data.conversation import IGNORE, Example
from shallowsight.data.order import batch_indices

PAD = 9


class Numbers:
    """The feature of image `n` is n, at layer k n + 100 k."""

    def batch(self, images: Sequence[str]) -> list[Tensor]:
        assert images, "asked for no images"
        return [torch.tensor([float(i) + 100 * k for i in images]).reshape(-1, 1, 1) for k in (1, 2)]


def example(number: int) -> Example:
    """As long as its number; odd ones have no image; all but the first two tokens are supervised."""
    ids = tuple(range(10, 13 + number))
    return Example(str(number), None if number % 2 else str(number), ids, (IGNORE, IGNORE, *ids[2:]))


EXAMPLES = [example(number) for number in range(8)]
BATCHES = Batches(EXAMPLES, Numbers(), global_batch=4, seed=0, pad=PAD)


def test_one_process() -> None:
    (batch,) = BATCHES.of_update(0, 0, 1, 1)
    chosen = [EXAMPLES[i] for i in batch_indices(8, 4, 0, 0)]
    longest = max(len(e.ids) for e in chosen)
    assert batch.ids.shape == batch.mask.shape == batch.labels.shape == (4, longest)
    for row, e in enumerate(chosen):
        n = len(e.ids)
        assert batch.ids[row].tolist() == [*e.ids, *[PAD] * (longest - n)]
        assert batch.mask[row].tolist() == [1] * n + [0] * (longest - n)
        assert batch.labels[row].tolist() == [*e.labels, *[IGNORE] * (longest - n)]
    images = [float(e.image) for e in chosen if e.image is not None]
    assert 0 < len(images) < 4
    assert [f.flatten().tolist() for f in batch.features] == [[i + 100 for i in images], [i + 200 for i in images]]
    assert batch.supervised == sum(e.supervised for e in chosen) == int((batch.labels[:, 1:] != IGNORE).sum())


@pytest.mark.parametrize(("processes", "accumulation"), [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (1, 4)])
def test_processes_and_micro_batches_share_the_global_batch(processes: int, accumulation: int) -> None:
    whole = next(iter(BATCHES.of_update(3, 0, 1, 1)))
    parts = [b for rank in range(processes) for b in BATCHES.of_update(3, rank, processes, accumulation)]
    assert len(parts) == processes * accumulation
    assert {part.supervised for part in parts} == {whole.supervised}, "the mean is over the global batch"

    def texts(batch: Batch) -> list[list[int]]:
        return [ids[mask.bool()].tolist() for ids, mask in zip(batch.ids, batch.mask, strict=True)]

    assert sorted(t for part in parts for t in texts(part)) == sorted(texts(whole))
    assert sum(int((part.labels[:, 1:] != IGNORE).sum()) for part in parts) == whole.supervised


def test_without_images_there_are_no_features() -> None:
    batches = Batches([example(1), example(3)], Numbers(), global_batch=2, seed=0, pad=PAD)
    (batch,) = batches.of_update(0, 0, 1, 1)
    assert batch.features == []


def test_to_moves_everything() -> None:
    batch = next(iter(BATCHES.of_update(0, 0, 1, 1))).to(torch.device("meta"))
    assert {t.device.type for t in (*batch.features, batch.ids, batch.mask, batch.labels)} == {"meta"}
    assert batch.supervised > 0
