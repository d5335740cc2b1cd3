"""Order is a function of its arguments, each sample once an epoch, the processes' shares a partition."""

from itertools import chain

import numpy as np
import pytest
from made_up import realistic_lengths

from shallowsight.data.order import ByLength, _permutation, batch_indices, rank_share


@pytest.mark.parametrize(("samples", "batch"), [(10, 5), (10, 3), (7, 4), (3, 8), (1, 1)])
def test_each_sample_once_an_epoch(samples: int, batch: int) -> None:
    epochs = 3
    updates = -(-epochs * samples // batch)
    seen = list(chain.from_iterable(batch_indices(samples, batch, 0, update) for update in range(updates)))
    assert len(seen) == updates * batch
    for epoch in range(epochs):
        assert sorted(seen[epoch * samples : (epoch + 1) * samples]) == list(range(samples))


def test_epochs_and_seeds_have_their_own_order() -> None:
    first, second = batch_indices(50, 50, 0, 0), batch_indices(50, 50, 0, 1)
    assert first != second and first != batch_indices(50, 50, 1, 0) and first != sorted(first)
    # (seed, epoch), not seed + epoch: the next epoch of one seed is not the first of the next seed.
    assert second != batch_indices(50, 50, 1, 0)


def test_an_update_needs_no_history() -> None:
    forward = [batch_indices(11, 4, 3, update) for update in range(20)]
    _permutation.cache_clear()
    backward = [batch_indices(11, 4, 3, update) for update in reversed(range(20))]
    assert forward == backward[::-1]


def test_the_order_is_known() -> None:
    """Another numpy or another formula would make half-finished trainings go on with other data."""
    assert batch_indices(8, 8, 0, 0) == [2, 4, 3, 6, 5, 0, 1, 7]


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_shares_partition_the_batch(processes: int) -> None:
    indices = batch_indices(100, 12, 0, 5)
    shares = [rank_share(indices, rank, processes) for rank in range(processes)]
    assert sorted(chain.from_iterable(shares)) == sorted(indices)
    assert {len(share) for share in shares} == {12 // processes}


def by_length(samples: int, batch: int, seed: int = 0) -> ByLength:
    return ByLength(realistic_lengths(samples), batch, seed)


# (samples, batch): more than a pool of batches, less, less than one batch, epochs that end within a pool and a batch.
SIZES = [(640, 4), (203, 2), (600, 50), (70, 7), (100, 3), (5, 8), (3, 8), (1, 1), (1, 4), (8, 8)]


@pytest.mark.parametrize(("samples", "batch"), SIZES)
def test_by_length_needs_no_history(samples: int, batch: int) -> None:
    updates = range(3 * -(-samples // batch) + 2)
    order = by_length(samples, batch)
    forward = [order.batch_indices(update) for update in updates]
    asked = np.random.default_rng(0).permutation(len(updates)).tolist()
    other = by_length(samples, batch)
    assert {update: other.batch_indices(update) for update in asked} == dict(enumerate(forward))
    _permutation.cache_clear()
    assert [by_length(samples, batch).batch_indices(update) for update in updates] == forward
    assert {len(indices) for indices in forward} == {batch}


@pytest.mark.parametrize(("samples", "batch"), [s for s in SIZES if s[0] % s[1] == 0])
def test_by_length_each_sample_once_an_epoch(samples: int, batch: int) -> None:
    order, own = by_length(samples, batch), samples // batch
    epochs = [[order.batch_indices(update) for update in range(e * own, (e + 1) * own)] for e in range(3)]
    for epoch in epochs:
        assert sorted(chain.from_iterable(epoch)) == list(range(samples))
    assert own == 1 or epochs[0] != epochs[1], "every epoch has its own order"


@pytest.mark.parametrize(("samples", "batch"), [s for s in SIZES if s[0] % s[1]])
def test_by_length_no_epoch_is_left_behind(samples: int, batch: int) -> None:
    """Where an epoch ends within a batch, it is whole after that batch, and hardly anything of the next one is seen."""
    order = by_length(samples, batch)
    for epochs in (1, 2, 3):
        updates = -(-epochs * samples // batch)
        seen = list(chain.from_iterable(order.batch_indices(update) for update in range(updates)))
        times = np.bincount(seen, minlength=samples)
        assert times.min() >= epochs and times.sum() == updates * batch
        assert (times - epochs).sum() < batch


def test_by_length_batches_hold_sequences_of_like_length() -> None:
    lengths, batch = realistic_lengths(6400), 32

    def padding(batches: list[list[int]]) -> float:
        held = sum(int(lengths[b].sum()) for b in batches)
        return 1 - held / sum(int(lengths[b].max()) * batch for b in batches)

    order = ByLength(lengths, batch, 0)
    sorted_ones = [order.batch_indices(update) for update in range(200)]
    shuffled = [batch_indices(6400, batch, 0, update) for update in range(200)]
    assert padding(sorted_ones) < 0.1 < 0.4 < padding(shuffled)
    assert all((np.diff(lengths[b]) >= 0).all() for b in sorted_ones), "long ones last"


def test_by_length_the_batches_come_in_random_order() -> None:
    """Else every pool would begin with short sequences, and the loss would go in waves."""
    lengths = realistic_lengths(6400)
    order = ByLength(lengths, 32, 0)
    means = np.array([lengths[order.batch_indices(update)].mean() for update in range(200)])
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.25
    assert abs(np.corrcoef(means, np.arange(200) % 50)[0, 1]) < 0.25


def test_by_length_is_shuffled_within_equal_lengths() -> None:
    """Which samples share a batch is drawn too, and equal lengths leave nothing to sort."""
    order = ByLength(np.full(1000, 7, np.int32), 10, 0)
    first = order.batch_indices(0)
    assert max(first) - min(first) > 100 and order.batch_indices(100) != first


def test_by_length_equal_lengths_stay_in_the_order_drawn() -> None:
    """Other sorts order them as the processor likes, and machines would train on different batches."""
    lengths = np.arange(500, dtype=np.int32) % 2
    drawn = sorted(batch_indices(500, 500, 0, 0), key=lengths.__getitem__)
    order = ByLength(lengths, 10, 0)
    found = {tuple(order.batch_indices(update)) for update in range(50)}
    assert found == {tuple(drawn[first : first + 10]) for first in range(0, 500, 10)}


@pytest.mark.parametrize(("samples", "batch"), [(640, 4), (100, 3), (5, 8)])
def test_by_length_seeds_have_their_own_order(samples: int, batch: int) -> None:
    def found(seed: int) -> list[list[int]]:
        order = by_length(samples, batch, seed)
        return [order.batch_indices(update) for update in range(20)]

    assert found(0) != found(1) and found(1) != found(2)


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_by_length_shares_are_alike(processes: int) -> None:
    """Every process has about as much to do: long and short ones are dealt in turn."""
    lengths = realistic_lengths(6400)
    order = ByLength(lengths, 32, 0)
    for update in range(20):
        indices = order.batch_indices(update)
        sums = [int(lengths[rank_share(indices, rank, processes)].sum()) for rank in range(processes)]
        assert max(sums) < 1.35 * min(sums)


def test_by_length_the_order_is_known() -> None:
    """As that of shuffled batches: half-finished trainings go on with it."""
    order = ByLength(np.array([5, 1, 4, 2, 3, 8, 7, 6], np.int32), 2, 0)
    assert [order.batch_indices(update) for update in range(6)] == [[6, 5], [4, 2], [0, 7], [1, 3], [0, 7], [4, 2]]
