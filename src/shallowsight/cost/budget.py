"""The time that one command may take."""

import math
import time
from dataclasses import dataclass

from shallowsight.errors import ConfigurationError
from shallowsight.study.counts import counted


@dataclass(frozen=True)
class Budget:
    """Hours from the start of the command; with GPUs, GPU-hours, which are hours times the number of GPUs."""

    hours: float  # infinite without a budget
    gpus: int
    started: float  # of time.monotonic

    @classmethod
    def starting_now(cls, hours: float, gpus: int) -> "Budget":
        """A budget that starts now; raises ConfigurationError for an impossible number of hours."""
        if math.isnan(hours) or hours < 0:
            raise ConfigurationError(f"--budget {hours}: give a number of hours that is not negative")
        return cls(hours, gpus, time.monotonic())

    def left(self) -> float:
        """The wall time that is left, in seconds."""
        return self.hours * 3600 / self._at_once - (time.monotonic() - self.started)

    def suffices(self, seconds: float) -> bool:
        """Whether at least `seconds` are left."""
        return seconds <= self.left()

    def require(self, seconds: float) -> None:
        """Raises ConfigurationError when less than `seconds` are left."""
        if not self.suffices(seconds):
            needed = counted(f"{seconds * self._at_once / 3600:.2g}", self._unit)
            raise ConfigurationError(
                f"--budget {self.hours:g}: the missing cells take at least {needed} (forecast); "
                "raise the budget, or ask for less (fewer settings, seeds or updates)"
            )

    def __str__(self) -> str:
        return counted(f"{self.hours:g}", self._unit)

    @property
    def _at_once(self) -> int:
        return max(1, self.gpus)

    @property
    def _unit(self) -> str:
        return "GPU-hour" if self.gpus else "hour"
