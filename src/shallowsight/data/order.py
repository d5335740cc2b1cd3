"""The order of samples: a pure function of (seed, epoch, update).

No sampler state is saved or restored, so a resumed run and one on another number of processes see the same batches.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def batch_indices(samples: int, global_batch: int, seed: int, update: int) -> list[int]:
    """Which samples update number `update` (from 0) takes; every epoch is a fresh permutation.

    A batch that reaches over the end of an epoch takes the rest from the next one, so each sample is seen
    exactly once an epoch whatever the batch.
    """
    first = update * global_batch
    return [_sample_at(samples, seed, position) for position in range(first, first + global_batch)]


def _sample_at(samples: int, seed: int, position: int) -> int:
    epoch, offset = divmod(position, samples)
    return int(_permutation(samples, seed, epoch)[offset])


@lru_cache(maxsize=4)
def _permutation(samples: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, epoch)).permutation(samples)


def rank_share(indices: list[int], rank: int, processes: int) -> list[int]:
    """The part of a global batch that one process computes: every `processes`-th sample."""
    return indices[rank::processes]
