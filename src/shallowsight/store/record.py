"""What cell.json says of a cell."""

from pydantic import BaseModel, ConfigDict, ValidationError

from shallowsight.store.computation import Computation
from shallowsight.store.digest import digest_of


class Output(BaseModel):
    """One file of a cell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    size: int  # bytes


class CellRecord(BaseModel):
    """What cell.json says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    step: str
    setting: str | None
    seed: int | None
    parents: dict[str, str]  # digest -> content that was read
    outputs: dict[str, Output]
    seconds: float
    machine: dict[str, int | str | None]
    packages: dict[str, str] = {}  # that can change the outputs, as they were installed
    # More than one where a training went on in another way. Neither they nor the packages' builds are in the digest.
    computed: tuple[Computation, ...] = ()

    @property
    def content(self) -> str:
        """One digest over the outputs."""
        return digest_of({name: output.sha256 for name, output in self.outputs.items()})


def read_record(digest: str, data: bytes | None) -> CellRecord | None:
    """What a cell.json says; None for none, for a broken one, and for that of another cell."""
    try:
        record = CellRecord.model_validate_json(data) if data is not None else None
    except ValidationError:
        return None
    return record if record is not None and record.digest == digest else None
