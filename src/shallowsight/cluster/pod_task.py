"""The task of the pods of a TrainJob, which they read from a document in the store."""

from typing import Self

from pydantic import PositiveInt, ValidationError

from shallowsight.errors import ConfigurationError
from shallowsight.store.stage_task import StageTask
from shallowsight.store.store import Store


class PodTask(StageTask):
    """One stage to be trained by a given number of processes."""

    processes: PositiveInt = 1  # of all nodes
    # Micro-batches into which each process divides its part of a batch, once fewer did not fit the memory; None: chosen
    # for the device.
    accumulation: PositiveInt | None = None

    @classmethod
    def read(cls, store: Store, cell_digest: str, processes: int) -> Self:
        """Read the task for a cell that `processes` processes train.

        Raises:
            ConfigurationError: the store has no such document, or another version wrote it.
        """
        name = document_of(cell_digest, processes)
        text = store.read_document(name)
        if text is None:
            raise ConfigurationError(
                f"store {store.url} has no {name}, which the step that creates a TrainJob writes first: start the "
                "training through a pipeline, and check the store's URL"
            )
        try:
            return cls.model_validate_json(text)
        except ValidationError as fault:
            raise ConfigurationError(
                f"store {store.url}: {name} was written by another version, use images of one version: {fault}"
            ) from fault

    def with_known_passes(self, store: Store) -> Self:
        """The task with at least the `accumulation` that the store's document has.

        A killed step, or a step of another run, may have found out that fewer passes do not fit the memory.
        """
        text = store.read_document(document_of(self.cell.digest, self.processes))
        try:
            known = type(self).model_validate_json(text) if text is not None else None
        except ValidationError:  # another version wrote the document, and `write` replaces it
            known = None
        if known is None or known.accumulation is None or known.cell != self.cell:
            return self
        return self.model_copy(update={"accumulation": max(known.accumulation, self.accumulation or 1)})

    def write(self, store: Store) -> None:
        store.write_document(document_of(self.cell.digest, self.processes), self.model_dump_json())


def document_of(cell_digest: str, processes: int) -> str:
    """The name of the store's document with the task of a TrainJob.

    Each number of processes has its own document, because it has its own number of passes, and because a run with
    another number must not change the task that restarted pods of this run read.
    """
    return f"jobs/{cell_digest}-{processes}.json"
