"""The learning rate of an update: linear warm-up, then half a cosine to zero (paper, section C)."""

import math

_ROUNDING = 1e-9  # in floating point, 0.07 * 100 is a little more than 7


def learning_rate(peak: float, warmup: float, update: int, updates: int) -> float:
    """The rate of update number `update` (from 1) of `updates`; `warmup` is a share of the updates."""
    warm = max(1, math.ceil(warmup * updates - _ROUNDING))  # at least 1, so that a stage of one update learns
    if update <= warm:
        return peak * update / warm
    return peak * 0.5 * (1.0 + math.cos(math.pi * (update - warm) / (updates - warm + 1)))


def updates_of(updates: int | None, epochs: float | None, samples: int, global_batch: int) -> int:
    """How many updates a stage has; an epoch's last batch is filled from the next epoch."""
    if updates is not None:
        return updates
    if epochs is None:
        raise ValueError("give either updates or epochs")
    return max(1, math.ceil(epochs * samples / global_batch - _ROUNDING))
