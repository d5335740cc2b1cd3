"""A failure that a retry cannot mend, kept in the store.

Kubeflow retries every failed step, whatever its error: the retry reads the failure from the store and stops.
"""

import logging

from pydantic import BaseModel, ConfigDict, ValidationError

from shallowsight.errors import ShallowsightError
from shallowsight.store.failures import failure_of, is_final
from shallowsight.store.store import Store

log = logging.getLogger(__name__)


class FinalFailure(BaseModel):
    """The failure of the training of one cell; `kind` is the type of the error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    message: str


def document_of_failure(cell_digest: str, run: str) -> str:
    """The name of the failure's document in the store. Each run has its own, because several runs may want one cell."""
    return f"runs/{run}/failed/{cell_digest}.json"


def keep_failure(store: Store, cell_digest: str, run: str, error: ShallowsightError) -> None:
    """Store a failure for the next retry of the run, unless a retry may succeed or the run has no id."""
    if not run or not is_final(error):
        return
    kept = FinalFailure(kind=type(error).__name__, message=str(error))
    try:
        store.write_document(document_of_failure(cell_digest, run), kept.model_dump_json())
    except ShallowsightError as fault:
        # Not raised: the user must see the failure of the training, not this one.
        log.warning("the reason of the failure could not be stored (%s): a retry of this run will train again", fault)


def failure_of_run(store: Store, cell_digest: str, run: str) -> ShallowsightError | None:
    """The final failure of an earlier try of the same run; None: the training may be tried."""
    name = document_of_failure(cell_digest, run)
    text = store.read_document(name) if run else None
    if text is None:
        return None
    try:
        kept = FinalFailure.model_validate_json(text)
    except ValidationError as fault:
        log.warning("%s was written by another version and is ignored (%s)", name, fault)
        return None
    return failure_of(
        kept.kind,
        f"{kept.message} (an earlier try of run {run} failed with this, so there was no retry: mend the cause and "
        "start another run)",
    )
