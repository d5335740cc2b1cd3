"""Examples that say which they are, a feature source that says which picture it read, and lengths as real data has."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from shallowsight.data.batches import Share
from shallowsight.data.conversation import IGNORE, IMAGE, Example
from shallowsight.data.examples import Examples, write_examples
from shallowsight.data.loading import Loader

IMAGE_TOKENS = 3
PAD = 9
ALONE = Share(rank=0, processes=1, accumulation=1)
UPDATES = 1000
_FIRST_NAME = 1000  # token ids from here on are numbers of examples


class Numbers:
    """The feature of image `n` is n + 100 k, at layer k."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        """`before` is called before every reading, wherever that happens."""
        self._before = before

    def load(self, images: Sequence[str]) -> list[Tensor]:
        assert images, "asked for no images"
        self._before()
        return [torch.tensor([float(i) + 100 * k for i in images]).reshape(-1, 1, 1) for k in (1, 2)]

    def features(self, loaded: list[Tensor]) -> list[Tensor]:
        return loaded


def slowly(seconds: float) -> Numbers:
    return Numbers(lambda: time.sleep(seconds))


def example(number: int) -> Example:
    """Odd ones have no picture; every third is supervised from its first token on, as without a start token."""
    words = tuple(range(10, 12 + number % 5))
    name = _FIRST_NAME + number
    if number % 2 == 0:
        return Example(str(number), str(number), (1, IMAGE, name, *words), (IGNORE, IGNORE, IGNORE, *words))
    if number % 3 == 0:
        return Example(str(number), None, (name, *words), (name, *words))
    return Example(str(number), None, (1, name, *words), (IGNORE, IGNORE, *words))


def stored(examples: Sequence[Example], folder: Path, limit: int = 64) -> Examples:
    write_examples(examples, folder, IMAGE_TOKENS, limit)
    return Examples(folder, IMAGE_TOKENS, limit)


def names_in(ids: Tensor) -> list[int]:
    """The numbers of the examples that these token ids are of, in order."""
    return [int(i) - _FIRST_NAME for i in ids.flatten() if i >= _FIRST_NAME]


def realistic_lengths(count: int, seed: int = 0, longest: int = 2048) -> NDArray[np.int32]:
    """As LLaVA-1.5's mix: most have a picture of 576 tokens and short or middling text, some are long text alone."""
    random = np.random.default_rng(seed)
    short, middling = 576 + random.lognormal(np.log(80), 0.5, count), 576 + random.lognormal(np.log(250), 0.5, count)
    text = random.lognormal(np.log(500), 0.8, count)
    kind = random.choice(3, count, p=[0.6, 0.3, 0.1])
    lengths: NDArray[np.int32] = np.clip(np.choose(kind, [short, middling, text]), 8, longest).astype(np.int32)
    return lengths


def workers_of(loader: Loader) -> list[int]:
    """The process ids of the two workers of a loader."""
    assert isinstance(loader._numbers, _MultiProcessingDataLoaderIter)
    pids: list[int] = [worker.pid for worker in loader._numbers._workers if worker.pid is not None]
    assert len(pids) == 2 and os.getpid() not in pids
    return pids
