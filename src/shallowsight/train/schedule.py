"""The learning rate of an update, and how many updates a stage has.

`cosine`: linear warm-up, then half a cosine to zero (paper, section C). `constant_then_decay`: linear warm-up, a
constant rate, and a linear decay to zero over the last updates. Trainings of the second kind that end after different
parts of the same updates have a trunk in common: everything before the shorter one's decay.
"""

import math
from dataclasses import dataclass

from shallowsight.study.stages import Stage

_ROUNDING = 1e-9  # in floating point, 0.07 * 100 is a little more than 7


@dataclass(frozen=True)
class Schedule:
    """The learning rates of one training."""

    stage: Stage
    whole: int  # updates of the whole training, of which `stage.part` may leave a part

    @property
    def updates(self) -> int:
        """The updates after which this training ends."""
        return -(-self.whole // self.stage.part)

    @property
    def trunk(self) -> int:
        """The updates before the decay, which every longer part has in common with this one; 0: there are none."""
        return 0 if self.stage.schedule == "cosine" else self.updates - _share(self.stage.decay, self.updates)

    def rate(self, update: int) -> float:
        """The rate of update number `update`, from 1."""
        stage = self.stage
        if stage.schedule == "cosine":
            return learning_rate(stage.learning_rate, stage.warmup, update, self.updates)
        # The warm-up is a share of the whole training, so that all its parts have the same one.
        risen = min(1.0, update / _share(stage.warmup, self.whole))
        left = (self.updates - update + 1) / (self.updates - self.trunk + 1)  # of the decay; the last update learns too
        return stage.learning_rate * risen * min(1.0, left)


def learning_rate(peak: float, warmup: float, update: int, updates: int) -> float:
    """The rate of update number `update` (from 1) of `updates` with a cosine; `warmup` is a share of the updates."""
    warm = _share(warmup, updates)
    if update <= warm:
        return peak * update / warm
    return peak * 0.5 * (1.0 + math.cos(math.pi * (update - warm) / (updates - warm + 1)))


def _share(share: float, updates: int) -> int:
    """At least 1, so that a stage of one update learns."""
    return max(1, math.ceil(share * updates - _ROUNDING))


def updates_of(updates: int | None, epochs: float | None, samples: int, global_batch: int) -> int:
    """How many updates a stage has; an epoch's last batch is filled from the next epoch."""
    if updates is not None:
        return updates
    if epochs is None:
        raise ValueError("give either updates or epochs")
    return max(1, math.ceil(epochs * samples / global_batch - _ROUNDING))
