"""Facts of this machine: its GPU's name, and the speed of one core. torch is imported only when they are needed."""

import math
import time
from functools import lru_cache
from importlib.util import find_spec

from shallowsight.errors import MissingPackage
from shallowsight.model.threads import threads_of


@lru_cache
def matrix_speed() -> float:
    """Operations per second of one core in a float32 matrix product: the best of some rounds, in about 0.1 s.

    The best round counts, because other processes may slow down the rounds now, but not for all of the study.

    Raises:
        MissingPackage: torch is not installed.
    """
    _require_torch()
    import torch

    size, best = 768, math.inf
    with threads_of(1):
        a = torch.ones(size, size)
        for _ in range(12):
            started = time.process_time()
            a @ a
            best = min(best, time.process_time() - started)
    return 2 * size**3 / best


def gpu_name() -> str | None:
    """The name of the first GPU that torch sees; raises MissingPackage when torch is not installed."""
    _require_torch()
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def _require_torch() -> None:
    if find_spec("torch") is None:
        raise MissingPackage("torch", extra="models")
