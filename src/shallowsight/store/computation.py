"""How the numbers of a cell came about: what has to be equal for equal bits."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

NOTE = "computed.json"  # beside its outputs a step may leave it; the store makes it part of cell.json


class Computation(BaseModel):
    """On a CPU, equal ones with equal packages give equal outputs. On a GPU nothing is promised bit for bit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    processes: int
    threads: int  # of each process
    passes: int | None = None  # in which each process of a training computes its part of a batch
    instruction_set: str  # as torch names it
    device: str  # "cpu", or the GPU's name


def this_computation(processes: int, passes: int | None = None) -> Computation:
    """That of this process, as torch stands."""
    import torch

    return Computation(
        processes=processes,
        threads=torch.get_num_threads(),
        passes=passes,
        instruction_set=torch.backends.cpu.get_cpu_capability(),
        device=torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    )


def leave_note(folder: Path, computed: Sequence[Computation]) -> None:
    """In the folder of a cell that is being made: one, or several in their order where it went on in another way."""
    (folder / NOTE).write_bytes(_MANY.dump_json(tuple(computed)))


def take_note(folder: Path) -> tuple[Computation, ...]:
    """What was left there, which is gone then; empty without one."""
    path = folder / NOTE
    if not path.exists():
        return ()
    found = _MANY.validate_json(path.read_bytes())
    path.unlink()
    return found


_MANY = TypeAdapter(tuple[Computation, ...])
