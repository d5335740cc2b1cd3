"""Packed rows hold every sequence once, never too much, and hardly any padding."""

from itertools import chain

import numpy as np
import pytest
from made_up import realistic_lengths

from shallowsight.data.packing import pack


@pytest.mark.parametrize("seed", range(50))
def test_every_sequence_once_and_no_row_too_long(seed: int) -> None:
    random = np.random.default_rng(seed)
    capacity = int(random.integers(1, 200))
    lengths = random.integers(1, capacity + 1, int(random.integers(1, 80))).tolist()
    rows = pack(lengths, capacity)
    assert sorted(chain.from_iterable(rows)) == list(range(len(lengths))) and all(rows)
    assert max(sum(lengths[n] for n in row) for row in rows) <= capacity
    assert pack(lengths, capacity) == rows
    # No two rows would fit into one, of which a packing that only ever opens rows would be full.
    fillings = sorted(sum(lengths[n] for n in row) for row in rows)
    assert len(rows) == 1 or fillings[0] + fillings[1] > capacity


@pytest.mark.parametrize(
    ("lengths", "capacity", "rows"),
    [
        pytest.param([], 5, [], id="none"),
        pytest.param([5], 5, [[0]], id="just fits"),
        pytest.param([3, 3, 3], 5, [[0], [1], [2]], id="no two fit"),
        pytest.param([2, 2, 2, 2], 4, [[0, 1], [2, 3]], id="the first come first among equals"),
        pytest.param([1, 4, 3, 2], 5, [[1, 0], [2, 3]], id="long ones first"),
        # 3 goes where 3 is left, not where 4 is.
        pytest.param([6, 7, 3, 1], 10, [[1, 2], [0, 3]], id="best fit"),
    ],
)
def test_by_hand(lengths: list[int], capacity: int, rows: list[list[int]]) -> None:
    assert pack(lengths, capacity) == rows


def test_too_long_a_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match="a sequence of 11 tokens does not fit a row of 10"):
        pack([3, 11], 10)


@pytest.mark.parametrize("micro_batch", [16, 32])
def test_little_is_wasted_on_a_realistic_mix(micro_batch: int) -> None:
    lengths = realistic_lengths(64 * micro_batch)
    held, padded = 0, 0
    for own in lengths.reshape(64, micro_batch).tolist():
        fillings = [sum(own[n] for n in row) for row in pack(own, 2048)]
        held, padded = held + sum(fillings), padded + len(fillings) * max(fillings)
    alone = 1 - lengths.sum() / (lengths.reshape(64, micro_batch).max(axis=1).sum() * micro_batch)
    assert 1 - held / padded < 0.15 < alone
