"""How often a request is tried, how long each try may take, and the pauses between them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Times in seconds. The pause grows twofold from `first_pause`, and is drawn at random below that."""

    tries: int = 5
    seconds: float = 60.0  # of one try, until its last byte
    first_pause: float = 1.0
    longest_pause: float = 30.0
    longest_wait: float = 120.0  # that a server may ask for; where it asks for more, nothing more is asked
    failures: int = 3  # questions in a row without a reply, after which nothing more is asked


@dataclass
class Pace:
    """Spreads requests evenly, so that no minute has more than allowed."""

    per_minute: int
    _next: float = 0.0

    def pause(self, now: float) -> float:
        """Seconds to wait before the next request, which is counted; `now` is of a clock that never goes back."""
        start = max(now, self._next)
        self._next = start + 60 / self.per_minute
        return start - now


def asked_wait(header: str | None, now: datetime | None = None) -> float | None:
    """The seconds in a Retry-After header, which has seconds or a date; None for a header that has neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            until = parsedate_to_datetime(header)
        except ValueError:
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        seconds = max(0.0, (until - (now or datetime.now(UTC))).total_seconds())
    return seconds if isfinite(seconds) and seconds >= 0 else None
