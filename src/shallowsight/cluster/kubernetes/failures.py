"""The reason why a training failed: from its processes' output, or else from the cluster."""

from collections.abc import Iterable, Sequence

from shallowsight.errors import Interrupted, ShallowsightError
from shallowsight.store.failures import last_words


def first_cause(failures: Iterable[ShallowsightError]) -> ShallowsightError | None:
    """The cause among the failures of several nodes.

    A node that was told to stop, or that lost its connection to the others, does not know the cause.
    """
    return min(failures, key=_vagueness, default=None)


def _vagueness(failure: ShallowsightError) -> int:
    if isinstance(failure, Interrupted):
        return 2
    # A node whose peers have ended reports a network error, which is a plain ShallowsightError.
    return 1 if type(failure) is ShallowsightError else 0


def unexplained(what: str, why: str, said: Sequence[str]) -> ShallowsightError:
    """The error if no process reported a reason; `said` is the end of the first node's log."""
    words = f"its last lines:\n{last_words(said)}" if said else "its log cannot be read"
    return ShallowsightError(
        f"{what} failed: {why}. The same command continues from the last saved state, once the cause is mended; {words}"
    )
