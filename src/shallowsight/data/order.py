"""The order of samples: a pure function of (seed, epoch, update).

No sampler state is saved or restored, so a resumed run and one on another number of processes see the same batches.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_POOL = 50  # batches that are sorted by length together, as in transformers' sampler by length


def batch_indices(samples: int, global_batch: int, seed: int, update: int) -> list[int]:
    """Which samples update number `update` (from 0) takes; every epoch is a fresh permutation.

    A batch that reaches over the end of an epoch takes the rest from the next one, so each sample is seen
    exactly once an epoch whatever the batch.
    """
    return _between(samples, seed, update * global_batch, (update + 1) * global_batch)


class ByLength:
    """The same samples pool by pool, but sequences of like length share a batch, and batches come in random order.

    Sequences without a picture are hundreds of tokens shorter than others, so they come together by themselves.
    """

    def __init__(self, lengths: NDArray[np.int32], global_batch: int, seed: int) -> None:
        self._lengths, self._batch, self._seed = lengths, global_batch, seed
        self._pool_of = lru_cache(maxsize=2)(self._make_pool)

    def batch_indices(self, update: int) -> list[int]:
        """Which samples update number `update` (from 0) takes; long ones last."""
        # A pool that reached far into the next epoch would leave samples of this one for after its end.
        epoch = update * self._batch // len(self._lengths)
        start = self._first_update(epoch)
        first = start + (update - start) // _POOL * _POOL
        return self._pool_of(first, min(first + _POOL, self._first_update(epoch + 1)))[update - first]

    def _first_update(self, epoch: int) -> int:
        """The first that takes no sample of the epoch before."""
        return -(-epoch * len(self._lengths) // self._batch)

    def _make_pool(self, first: int, last: int) -> list[list[int]]:
        drawn = np.array(_between(len(self._lengths), self._seed, first * self._batch, last * self._batch))
        batches = drawn[np.argsort(self._lengths[drawn], kind="stable")].reshape(last - first, self._batch)
        order = np.random.default_rng((self._seed, first, 1)).permutation(last - first)
        return [batches[place].tolist() for place in order]


def _between(samples: int, seed: int, first: int, last: int) -> list[int]:
    return [_sample_at(samples, seed, position) for position in range(first, last)]


def _sample_at(samples: int, seed: int, position: int) -> int:
    epoch, offset = divmod(position, samples)
    return int(_permutation(samples, seed, epoch)[offset])


@lru_cache(maxsize=2)  # a batch may reach over the end of an epoch
def _permutation(samples: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, epoch)).permutation(samples)


def rank_share(indices: list[int], rank: int, processes: int) -> list[int]:
    """The part of a global batch that one process computes: every `processes`-th sample."""
    return indices[rank::processes]
