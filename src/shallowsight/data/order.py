"""The order of samples: a pure function of (seed, epoch, update).

No sampler state is saved or restored, so a resumed run, and a run with another number of processes, have the same
batches.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_POOL = 50  # batches whose samples are sorted by length together, as in transformers' sampler by length


def batch_indices(samples: int, global_batch: int, seed: int, update: int) -> list[int]:
    """Which samples update number `update` (from 0) takes; every epoch is a fresh permutation.

    A batch that reaches over the end of an epoch takes the rest from the next epoch, so that each sample is used
    exactly once in every epoch, whatever the batch size.
    """
    return _between(samples, seed, update * global_batch, (update + 1) * global_batch)


class ByLength:
    """The samples of `batch_indices` pool by pool, but sequences of similar length share a batch.

    The batches of a pool are in random order. Sequences without a picture are hundreds of tokens shorter than others,
    so they share batches too.
    """

    def __init__(self, lengths: NDArray[np.int32], global_batch: int, seed: int) -> None:
        self._lengths, self._batch, self._seed = lengths, global_batch, seed
        self._pool_of = lru_cache(maxsize=2)(self._make_pool)

    def batch_indices(self, update: int) -> list[int]:
        """Which samples update number `update` (from 0) takes; long ones last."""
        # A pool ends with its epoch: otherwise samples of this epoch could come after the epoch's end.
        epoch = update * self._batch // len(self._lengths)
        start = self._first_update(epoch)
        first = start + (update - start) // _POOL * _POOL
        return self._pool_of(first, min(first + _POOL, self._first_update(epoch + 1)))[update - first]

    def _first_update(self, epoch: int) -> int:
        """The first update that takes no sample of the epoch before."""
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
