"""How the numbers of a cell were computed: the conditions that must be equal for equal bits."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

NOTE = "computed.json"  # a step may write it beside its outputs; the store moves its content into cell.json


class Computation(BaseModel):
    """The conditions of a computation.

    On a CPU, equal conditions and equal packages give equal output bits. On a GPU equal bits are not promised.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    processes: int
    threads: int  # of each process
    passes: int | None = None  # micro-batches into which each process of a training divides its part of a batch
    instruction_set: str  # as torch names it
    device: str  # "cpu", or the GPU's name


def this_computation(processes: int, passes: int | None = None) -> Computation:
    """The conditions in this process, with torch's present settings."""
    import torch

    return Computation(
        processes=processes,
        threads=torch.get_num_threads(),
        passes=passes,
        instruction_set=torch.backends.cpu.get_cpu_capability(),
        device=torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    )


def leave_note(folder: Path, computed: Sequence[Computation]) -> None:
    """Write the conditions into the folder of a cell that is being made.

    There are several, in their order, if a training was continued under other conditions.
    """
    (folder / NOTE).write_bytes(_MANY.dump_json(tuple(computed)))


def take_note(folder: Path) -> tuple[Computation, ...]:
    """Read the note that `leave_note` wrote and delete it; empty when there is none."""
    path = folder / NOTE
    if not path.exists():
        return ()
    found = _MANY.validate_json(path.read_bytes())
    path.unlink()
    return found


_MANY = TypeAdapter(tuple[Computation, ...])
