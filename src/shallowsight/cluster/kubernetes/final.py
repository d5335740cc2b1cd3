"""A failure that trying again cannot mend, kept in the store.

Kubeflow tries every box again, whatever it failed with: the next try of the same run is told by the store.
"""

import logging

from pydantic import BaseModel, ConfigDict, ValidationError

from shallowsight.errors import ShallowsightError
from shallowsight.store.failures import failure_of, is_final
from shallowsight.store.store import Store

log = logging.getLogger(__name__)


class FinalFailure(BaseModel):
    """Of the training of one cell; `kind` is the type of the error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    message: str


def document_of_failure(cell_digest: str, run: str) -> str:
    """Where the store keeps it: several runs may want one cell, and each is told of its own tries."""
    return f"runs/{run}/failed/{cell_digest}.json"


def keep_failure(store: Store, cell_digest: str, run: str, error: ShallowsightError) -> None:
    """For the next try of the run; nothing is kept of a failure that may pass, or where the run has no id."""
    if not run or not is_final(error):
        return
    kept = FinalFailure(kind=type(error).__name__, message=str(error))
    try:
        store.write_document(document_of_failure(cell_digest, run), kept.model_dump_json())
    except ShallowsightError as fault:
        # The user wants to hear of the failure, not of this.
        log.warning("why it failed could not be kept (%s): another try of this run begins anew", fault)


def failure_of_run(store: Store, cell_digest: str, run: str) -> ShallowsightError | None:
    """What an earlier try of the same run failed with for good; None: there is something to try."""
    name = document_of_failure(cell_digest, run)
    text = store.read_document(name) if run else None
    if text is None:
        return None
    try:
        kept = FinalFailure.model_validate_json(text)
    except ValidationError as fault:
        log.warning("%s is of another version and counts for nothing (%s)", name, fault)
        return None
    return failure_of(
        kept.kind,
        f"{kept.message} (an earlier try of run {run} failed with this; nothing was tried again: mend the cause and "
        "start another run)",
    )
