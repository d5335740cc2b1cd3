"""What the pods of a TrainJob are told, through a document in the store."""

from typing import Self

from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from shallowsight.cells import Cell, Resolved, stage_cell
from shallowsight.config import StageName
from shallowsight.errors import ConfigurationError
from shallowsight.services.store import Store
from shallowsight.settings import Setting


class NodeTask(BaseModel):
    """One cell to be trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resolved: Resolved
    setting: str
    seed: int
    stage: StageName
    processes: PositiveInt = 1  # of all nodes
    # Passes in which each computes its part of a batch, since fewer did not fit its memory; None: as suits the device.
    accumulation: PositiveInt | None = None

    @property
    def cell(self) -> Cell:
        return stage_cell(self.resolved, Setting.parse(self.setting), self.seed, self.stage)

    @classmethod
    def read(cls, store: Store, cell_digest: str) -> Self:
        """What the store says of a cell.

        Raises:
            ConfigurationError: nothing, or nothing that this version understands.
        """
        text = store.read_document(document_of(cell_digest))
        if text is None:
            raise ConfigurationError(f"store {store.url} has no {document_of(cell_digest)}: who made this TrainJob?")
        try:
            return cls.model_validate_json(text)
        except ValidationError as fault:
            raise ConfigurationError(
                f"store {store.url}: {document_of(cell_digest)} was written by another version, use images of one "
                f"version: {fault}"
            ) from fault

    def with_known_passes(self, store: Store) -> Self:
        """With those that the store knows to be needed, from a box that was killed, or that works beside this one."""
        text = store.read_document(document_of(self.cell.digest))
        try:
            known = type(self).model_validate_json(text) if text is not None else None
        except ValidationError:  # it is of another version, and is written anew
            known = None
        # With more processes each has less to do: what was found with others may not divide the batch.
        if known is None or known.accumulation is None or (known.cell, known.processes) != (self.cell, self.processes):
            return self
        return self.model_copy(update={"accumulation": max(known.accumulation, self.accumulation or 1)})

    def write(self, store: Store) -> None:
        store.write_document(document_of(self.cell.digest), self.model_dump_json())


def document_of(cell_digest: str) -> str:
    """Where the store keeps the task of a TrainJob."""
    return f"jobs/{cell_digest}.json"
