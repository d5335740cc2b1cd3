"""Retries with growing, random pauses while a service does not answer."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from shallowsight.errors import MissingPackage, StoreUnavailable

if TYPE_CHECKING:
    from tenacity import RetryCallState

log = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0  # seconds


@dataclass(frozen=True)
class Patience:
    """For how many seconds requests to a service are retried. The last try may take its own timeout longer."""

    service: str
    seconds: float

    def ask(self, what: str, attempt: Callable[[], T], passing: Callable[[BaseException], bool]) -> T:
        """The answer of the first attempt that succeeds.

        Args:
            what: the request in words, for log and message.
            passing: whether a retry may succeed after this fault; every other fault is raised at once.

        Raises:
            StoreUnavailable: every attempt failed with a passing fault; the last fault is the cause of this error.
            MissingPackage: tenacity is not installed.
        """
        try:
            from tenacity import Retrying, retry_if_exception, stop_before_delay, wait_random_exponential
        except ImportError:
            raise MissingPackage("tenacity", extra="store") from None

        def warn(state: "RetryCallState") -> None:
            # Only the first failure is logged: otherwise an outage would fill the log of every process.
            if state.attempt_number == 1:
                log.warning("%s: %s failed (%s); trying again", self.service, what, _fault(state))

        def give_up(state: "RetryCallState") -> T:
            tries = f"{state.attempt_number} tries in {state.seconds_since_start or 0:.0f} s"
            raise StoreUnavailable(
                f"{self.service} is not available: {what} failed, {tries}, last with: {_fault(state)}. "
                "Run the same command again once it answers"
            ) from (state.outcome.exception() if state.outcome else None)

        asking = Retrying(
            stop=stop_before_delay(self.seconds),
            wait=wait_random_exponential(multiplier=_FIRST_PAUSE, max=_LONGEST_PAUSE),
            retry=retry_if_exception(passing),
            before_sleep=warn,
            retry_error_callback=give_up,
        )
        return asking(attempt)


def _fault(state: "RetryCallState") -> str:
    error = state.outcome.exception() if state.outcome else None
    return (str(error) or type(error).__name__).splitlines()[0][:300]
