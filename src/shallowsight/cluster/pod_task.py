"""What the pods of a TrainJob are told, through a document in the store."""

from typing import Self

from pydantic import PositiveInt, ValidationError

from shallowsight.errors import ConfigurationError
from shallowsight.store.stage_task import StageTask
from shallowsight.store.store import Store


class PodTask(StageTask):
    """One stage to be trained, by so many processes."""

    processes: PositiveInt = 1  # of all nodes
    # Passes in which each computes its part of a batch, since fewer did not fit its memory; None: as suits the device.
    accumulation: PositiveInt | None = None

    @classmethod
    def read(cls, store: Store, cell_digest: str, processes: int) -> Self:
        """What the store says of a cell that so many processes train.

        Raises:
            ConfigurationError: nothing, or nothing that this version understands.
        """
        name = document_of(cell_digest, processes)
        text = store.read_document(name)
        if text is None:
            raise ConfigurationError(f"store {store.url} has no {name}: who made this TrainJob?")
        try:
            return cls.model_validate_json(text)
        except ValidationError as fault:
            raise ConfigurationError(
                f"store {store.url}: {name} was written by another version, use images of one version: {fault}"
            ) from fault

    def with_known_passes(self, store: Store) -> Self:
        """With those that the store knows to be needed, from a box that was killed, or that works beside this one."""
        text = store.read_document(document_of(self.cell.digest, self.processes))
        try:
            known = type(self).model_validate_json(text) if text is not None else None
        except ValidationError:  # it is of another version, and is written anew
            known = None
        if known is None or known.accumulation is None or known.cell != self.cell:
            return self
        return self.model_copy(update={"accumulation": max(known.accumulation, self.accumulation or 1)})

    def write(self, store: Store) -> None:
        store.write_document(document_of(self.cell.digest, self.processes), self.model_dump_json())


def document_of(cell_digest: str, processes: int) -> str:
    """Where the store keeps the task of a TrainJob.

    Each number of processes has its own: with more of them each has less to do, and a run that asks for another number
    must not change what the pods of this one are told when they start again.
    """
    return f"jobs/{cell_digest}-{processes}.json"
