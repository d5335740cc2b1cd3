"""Order is a function of its arguments, each sample once an epoch, the processes' shares a partition."""

from itertools import chain

import pytest

from shallowsight.data.order import _permutation, batch_indices, rank_share


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
