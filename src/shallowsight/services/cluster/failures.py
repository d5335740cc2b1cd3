"""Why a training failed: what its processes said, or else what the cluster says."""

from collections.abc import Iterable, Sequence

from shallowsight.errors import Interrupted, ShallowsightError
from shallowsight.services.failures import last_words


def first_cause(failures: Iterable[ShallowsightError]) -> ShallowsightError | None:
    """Of what several nodes said: one that was only told to stop is not the cause."""
    said = list(failures)
    return next((each for each in said if not isinstance(each, Interrupted)), said[0] if said else None)


def unexplained(what: str, why: str, said: Sequence[str]) -> ShallowsightError:
    """The error where no process said why; `said` is the end of its log."""
    words = f"its last lines:\n{last_words(said)}" if said else "its log is not to be had"
    return ShallowsightError(
        f"{what} failed: {why}. The same command continues from the last saved state, once the cause is mended; {words}"
    )
