"""Why a training failed: what its processes said, or else what the cluster says."""

from collections.abc import Iterable, Sequence

from shallowsight.errors import Interrupted, ShallowsightError
from shallowsight.store.failures import last_words


def first_cause(failures: Iterable[ShallowsightError]) -> ShallowsightError | None:
    """Of what several nodes said: one that was only told to stop is not the cause, nor one that lost its peers."""
    return min(failures, key=_vagueness, default=None)


def _vagueness(failure: ShallowsightError) -> int:
    if isinstance(failure, Interrupted):
        return 2
    # A node whose peers are gone has an error of the network, which is none of our types.
    return 1 if type(failure) is ShallowsightError else 0


def unexplained(what: str, why: str, said: Sequence[str]) -> ShallowsightError:
    """The error where no process said why; `said` is the end of its log."""
    words = f"its last lines:\n{last_words(said)}" if said else "its log is not to be had"
    return ShallowsightError(
        f"{what} failed: {why}. The same command continues from the last saved state, once the cause is mended; {words}"
    )
