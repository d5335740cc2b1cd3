"""Batches: the right samples, masks, labels and pictures, packed or not, however many processes share them."""

from itertools import chain
from pathlib import Path

import pytest
import torch
from made_up import IMAGE_TOKENS, PAD, Numbers, example, names_in, realistic_lengths, stored
from torch import Tensor

from shallowsight.data.batches import Batch, Batches, MicroBatches, Share
from shallowsight.data.conversation import IGNORE, IMAGE, Example
from shallowsight.data.examples import Examples
from shallowsight.data.order import ByLength, batch_indices

ALONE = Share(rank=0, processes=1, accumulation=1)
SHARES = [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (1, 4), (1, 8), (2, 4)]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return stored([example(number) for number in range(24)], tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="module")
def batches(examples: Examples) -> Batches:
    return Batches(examples, Numbers(), global_batch=8, seed=0, pad=PAD)


@pytest.fixture(scope="module")
def packed(examples: Examples) -> Batches:
    return Batches(examples, Numbers(), global_batch=8, seed=0, pad=PAD, row_tokens=20)


def sequences(batch: Batch) -> list[tuple[list[int], list[int]]]:
    """Ids and labels of every sequence, in row order; where a packed one begins, its position says."""
    found = []
    for row in range(len(batch.ids)):
        used = int(batch.mask[row].sum())
        begins = [0] if batch.positions is None else (batch.positions[row, :used] == 0).nonzero().flatten().tolist()
        for first, end in zip(begins, [*begins[1:], used], strict=True):
            found.append((batch.ids[row, first:end].tolist(), batch.labels[row, first:end].tolist()))
    return found


def pictures(batch: Batch) -> list[list[float]]:
    return [layer.flatten().tolist() for layer in batch.pictures]


def first_layer(batch: Batch) -> list[float]:
    return pictures(batch)[0] if batch.pictures else []


def test_one_sequence_a_row(batches: Batches, examples: Examples) -> None:
    batch = batches.micro_batch(0, 0, ALONE)
    chosen = sorted((examples[i] for i in batch_indices(24, 8, 0, 0)), key=lambda e: len(e.ids))
    longest = max(len(e.ids) for e in chosen)
    assert batch.ids.shape == batch.mask.shape == batch.labels.shape == (8, longest) and batch.positions is None
    for row, e in enumerate(chosen):
        n = len(e.ids)
        assert batch.ids[row].tolist() == [*e.ids, *[PAD] * (longest - n)]
        assert batch.mask[row].tolist() == [1] * n + [0] * (longest - n)
        assert batch.labels[row].tolist() == [IGNORE, *e.labels[1:], *[IGNORE] * (longest - n)]
    images = [float(e.image) for e in chosen if e.image is not None]
    assert 0 < len(images) < 8
    assert pictures(batch) == [[i + 100 for i in images], [i + 200 for i in images]]
    assert batch.supervised == sum(e.supervised for e in chosen) == int((batch.labels[:, 1:] != IGNORE).sum())
    assert {t.dtype for t in (batch.ids, batch.mask, batch.labels)} == {torch.int64}


@pytest.mark.parametrize("update", range(5))
@pytest.mark.parametrize("row_tokens", [12, 13, 20, 64, 1000])
def test_packed_rows_hold_the_same_samples(batches: Batches, examples: Examples, update: int, row_tokens: int) -> None:
    own = Batches(examples, Numbers(), global_batch=8, seed=0, pad=PAD, row_tokens=row_tokens)
    plain, batch = batches.micro_batch(update, 0, ALONE), own.micro_batch(update, 0, ALONE)
    assert sorted(sequences(batch)) == sorted(sequences(plain)) and len(sequences(batch)) == 8
    assert batch.supervised == plain.supervised == int((batch.labels[:, 1:] != IGNORE).sum())
    assert batch.ids.shape == batch.mask.shape == batch.labels.shape == batch.positions.shape
    assert batch.ids.shape[1] == int(batch.mask.sum(dim=1).max()) <= row_tokens
    padding = batch.mask == 0
    assert (batch.ids[padding] == PAD).all() and (batch.labels[padding] == IGNORE).all()
    assert (own.names(update), own.digest(update)) == (batches.names(update), batches.digest(update))


def test_positions_start_again_in_every_sequence(packed: Batches, examples: Examples) -> None:
    batch = packed.micro_batch(0, 0, ALONE)
    assert len(batch.ids) < 8, "nothing was packed"
    for row in range(len(batch.ids)):
        own = [examples[name] for name in names_in(batch.ids[row])]
        padding = batch.ids.shape[1] - sum(len(e.ids) for e in own)
        expected = [list(range(len(e.ids))) for e in own] + [list(range(padding))]
        assert batch.positions[row].tolist() == list(chain.from_iterable(expected))
    assert (batch.mask == 0).any(), "no padding was looked at"


def test_the_first_token_of_a_sequence_is_not_predicted_from_the_one_before(tmp_path: Path) -> None:
    supervised_whole = [Example(str(n), None, (1000 + n, 10, 11), (1000 + n, 10, 11)) for n in range(6)]
    own = Batches(stored(supervised_whole, tmp_path), Numbers(), 6, 0, PAD, row_tokens=9)
    batch = own.micro_batch(0, 0, ALONE)
    assert batch.ids.shape == (2, 9)
    assert (batch.labels[batch.positions == 0] == IGNORE).all() and (batch.labels == IGNORE).sum() == 6
    assert batch.supervised == 12


@pytest.mark.parametrize("row_tokens", [None, 20])
@pytest.mark.parametrize("update", range(4))
def test_pictures_come_in_the_order_of_the_rows(examples: Examples, row_tokens: int | None, update: int) -> None:
    own = Batches(examples, Numbers(), global_batch=8, seed=0, pad=PAD, row_tokens=row_tokens)
    batch = own.micro_batch(update, 0, ALONE)
    images = [float(n) for n in names_in(batch.ids) if examples[n].image is not None]
    assert pictures(batch) == [[i + 100 for i in images], [i + 200 for i in images]]
    assert int((batch.ids == IMAGE).sum()) == IMAGE_TOKENS * len(images) > 0


@pytest.mark.parametrize("row_tokens", [None, 20], ids=["a row each", "packed"])
@pytest.mark.parametrize("by_length", [False, True], ids=["shuffled", "by length"])
@pytest.mark.parametrize(("processes", "accumulation"), SHARES)
def test_processes_and_micro_batches_share_the_global_batch(
    examples: Examples, processes: int, accumulation: int, by_length: bool, row_tokens: int | None
) -> None:
    own = Batches(examples, Numbers(), 8, 0, PAD, by_length=by_length, row_tokens=row_tokens)
    for update in range(4):
        whole = own.micro_batch(update, 0, ALONE)
        parts = [
            own.micro_batch(update, part, Share(rank, processes, accumulation))
            for rank in range(processes)
            for part in range(accumulation)
        ]
        assert {part.supervised for part in parts} == {whole.supervised}, "the mean is over the global batch"
        assert sorted(s for part in parts for s in sequences(part)) == sorted(sequences(whole))
        assert {len(sequences(part)) for part in parts} == {8 // (processes * accumulation)}
        assert sum(int((part.labels[:, 1:] != IGNORE).sum()) for part in parts) == whole.supervised
        seen = sorted(image for part in parts for image in first_layer(part))
        assert seen == sorted(first_layer(whole)) and len(seen) == sum(name % 2 == 0 for name in names_in(whole.ids))


def test_by_length_asks_the_order_by_length(tmp_path: Path) -> None:
    lengths = realistic_lengths(60, longest=64)
    texts = [Example(str(n), None, (5,) * length, (5,) * length) for n, length in enumerate(lengths.tolist())]
    examples = stored(texts, tmp_path, limit=64)
    own = Batches(examples, Numbers(), 4, 3, PAD, by_length=True)
    order = ByLength(lengths, 4, 3)
    for update in range(20):
        assert own.indices(update) == order.batch_indices(update)


@pytest.mark.parametrize(("processes", "accumulation"), [(1, 1), (1, 8), (2, 4), (4, 2)])
def test_sequences_of_like_length_pass_together(tmp_path: Path, processes: int, accumulation: int) -> None:
    """In all processes at once: none waits for another one's long ones, and little of a pass is padding."""
    texts = [Example(str(n), None, (5,) * length, (5,) * length) for n, length in enumerate(range(20, 84))]
    own = Batches(stored(texts, tmp_path, limit=100), Numbers(), 32, 0, PAD)
    for update in range(4):
        passes = [
            [own.micro_batch(update, part, Share(rank, processes, accumulation)) for rank in range(processes)]
            for part in range(accumulation)
        ]
        widths = [[batch.ids.shape[1] for batch in batches] for batches in passes]
        assert all(max(parts) - min(parts) < 12 for parts in widths)
        assert [max(parts) for parts in widths] == sorted(max(parts) for parts in widths)
        if accumulation > 1:
            tokens = sum(int(batch.mask.sum()) for batches in passes for batch in batches)
            assert sum(batch.mask.numel() for batches in passes for batch in batches) < 1.3 * tokens


def test_passes_of_packed_rows_are_a_like_mix(tmp_path: Path) -> None:
    texts = [Example(str(n), None, (5,) * length, (5,) * length) for n, length in enumerate(range(20, 84))]
    own = Batches(stored(texts, tmp_path, limit=100), Numbers(), 32, 0, PAD, row_tokens=100)
    for update in range(4):
        tokens = [int(own.micro_batch(update, part, Share(0, 1, 4)).mask.sum()) for part in range(4)]
        assert max(tokens) < 1.2 * min(tokens)


def test_names_are_those_of_the_records(batches: Batches, examples: Examples) -> None:
    for update in range(3):
        assert batches.names(update) == [examples[i].id for i in batches.indices(update)]
        assert sorted(batches.names(update), key=int) == sorted(
            map(str, names_in(batches.micro_batch(update, 0, ALONE).ids)), key=int
        )


def test_digests_are_equal_for_equal_samples_alone(batches: Batches, examples: Examples) -> None:
    again = Batches(examples, Numbers(), global_batch=8, seed=0, pad=0, row_tokens=64)
    digests = [batches.digest(update) for update in range(12)]
    assert digests == [again.digest(update) for update in range(12)] and len(set(digests)) == 12
    other = Batches(examples, Numbers(), global_batch=8, seed=1, pad=PAD)
    assert not set(digests) & {other.digest(update) for update in range(12)}
    assert digests[0] == "a7e945ceef420999", "it is stored beside the losses, and compared after a resume"


def test_without_images_nothing_is_read(tmp_path: Path) -> None:
    batches = Batches(stored([example(1), example(3)], tmp_path), Numbers(), global_batch=2, seed=0, pad=PAD)
    assert batches.micro_batch(0, 0, ALONE).pictures == []


@pytest.mark.parametrize("row_tokens", [None, 20])
def test_to_moves_everything(examples: Examples, row_tokens: int | None) -> None:
    before = Batches(examples, Numbers(), 8, 0, PAD, row_tokens=row_tokens).micro_batch(0, 0, ALONE)
    batch = before.to(torch.device("meta"))
    tensors = [t for t in (*batch.pictures, batch.ids, batch.mask, batch.positions, batch.labels) if t is not None]
    assert {t.device.type for t in tensors} == {"meta"} and len(tensors) == (5 if row_tokens is None else 6)
    assert batch.supervised == before.supervised > 0 and before.ids.device.type == "cpu"


def test_pinning_reaches_everything(packed: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's loader asks a batch of ours to pin itself."""
    pinned: list[Tensor] = []
    monkeypatch.setattr(Tensor, "pin_memory", lambda self: pinned.append(self) or self)
    batch = packed.micro_batch(0, 0, ALONE).pin_memory()
    assert {id(t) for t in pinned} == {
        id(t) for t in (*batch.pictures, batch.ids, batch.mask, batch.positions, batch.labels)
    }


@pytest.mark.parametrize("accumulation", [1, 2, 4])
def test_micro_batches_by_number(batches: Batches, accumulation: int) -> None:
    share = Share(1, 2, accumulation)
    numbered = MicroBatches(batches, share)
    for number in range(3 * accumulation):
        expected = batches.micro_batch(number // accumulation, number % accumulation, share)
        assert sequences(numbered[number]) == sequences(expected)
