"""What this machine is: its GPU's name, and how fast one of its cores multiplies. torch is imported when asked."""

import math
import time
from functools import lru_cache
from importlib.util import find_spec

from shallowsight.errors import MissingPackage
from shallowsight.model.threads import threads_of


@lru_cache
def matrix_speed() -> float:
    """Operations a second of one core in a float32 matrix product: the best of some rounds, about 0.1 s.

    The best, because a forecast is for the hours to come, not for what disturbs this moment.

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
    """Of the first GPU that torch sees; raises MissingPackage when torch is not installed."""
    _require_torch()
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def _require_torch() -> None:
    if find_spec("torch") is None:
        raise MissingPackage("torch", extra="models")
