"""The record of a cell, which is its cell.json."""

from pydantic import BaseModel, ConfigDict, ValidationError

from shallowsight.store.computation import Computation
from shallowsight.store.digest import digest_of


class Output(BaseModel):
    """One file of a cell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    size: int  # bytes


class CellRecord(BaseModel):
    """The content of cell.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    step: str
    setting: str | None
    seed: int | None
    parents: dict[str, str]  # digest of a parent -> digest of the content that this cell was made from
    outputs: dict[str, Output]
    seconds: float
    machine: dict[str, int | str | None]
    packages: dict[str, str] = {}  # installed versions of the packages that can change the outputs
    # Several if a training was continued under other conditions. The cell's digest covers neither these conditions nor
    # the local labels of the packages' versions.
    computed: tuple[Computation, ...] = ()

    @property
    def content(self) -> str:
        """One digest over all outputs."""
        return digest_of({name: output.sha256 for name, output in self.outputs.items()})


def read_record(digest: str, data: bytes | None) -> CellRecord | None:
    """Read a cell.json; None if it is absent or broken, or belongs to another cell."""
    try:
        record = CellRecord.model_validate_json(data) if data is not None else None
    except ValidationError:
        return None
    return record if record is not None and record.digest == digest else None
