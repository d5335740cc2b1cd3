"""The processes that train together, and the values that they exchange beside gradients.

This module reads only RANK, WORLD_SIZE and LOCAL_RANK from the environment, so that the same code serves one process,
torchrun on one machine, and the pods of a TrainJob.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from shallowsight.errors import ShallowsightError

T = TypeVar("T")
_PATIENCE = timedelta(hours=2)  # for one process to encode the texts of a node while the others wait


@dataclass(frozen=True)
class Processes:
    """This process's number among the training's processes, its device, and communication with the others."""

    rank: int
    count: int
    device: torch.device
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        return self.rank == 0

    @property
    def leads_node(self) -> bool:
        return self.local_rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, as a tensor on the CPU."""
        if self.count == 1:
            return values
        shared = values.to(self.device)
        dist.all_reduce(shared)
        return shared.cpu()

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """For each flag, whether any process set it; every process gets the same answer."""
        return tuple(bool(count) for count in self.sum(torch.tensor(flags, dtype=torch.int32)))

    def from_leader(self, value: T) -> T:
        """The value of the process with rank 0, in every process."""
        shared = [value]
        if self.count > 1:
            dist.broadcast_object_list(shared, device=self.device)
        return shared[0]

    def gather(self, value: T) -> list[T]:
        """The values of all processes in the order of their ranks, in every process."""
        found: list[T] = [value] * self.count
        if self.count > 1:
            dist.all_gather_object(found, value)
        return found

    def wait(self) -> None:
        """Wait until all processes have called this."""
        self.any(False)


def ranks() -> tuple[int, int]:
    """This process's number among all processes, and among those of its node; works before `join_processes`."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("LOCAL_RANK", "0"))


def join_processes() -> Processes:
    """Join the group that the launcher made, or be a group of one."""
    (rank, local_rank), count = ranks(), int(os.environ.get("WORLD_SIZE", "1"))
    os.environ.setdefault("LOCAL_RANK", "0")
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", local_rank) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")  # TF32, as the paper trained
    if not dist.is_initialized():
        # A single process needs no port, so that two trainings on one machine cannot ask for the same one.
        store = dist.HashStore() if count == 1 else None  # type: ignore[attr-defined]
        backend = "nccl" if cuda else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=_PATIENCE)
    return Processes(rank, count, device, local_rank)


@contextmanager
def lost_peers() -> Iterator[None]:
    """Raises ShallowsightError if a collective operation fails because another process has ended."""
    try:
        yield
    except RuntimeError as error:
        # gloo raises no error type of its own for this.
        if isinstance(error, dist.DistError) or ("gloo" in str(error) and "onnection" in str(error)):
            raise ShallowsightError(
                f"another process of this training has ended, and its own log says why ({error}); "
                "the same command continues from the last saved state"
            ) from None
        raise


def leave_processes() -> None:
    """Leave the group of processes; call this after the last communication."""
    if dist.is_initialized():
        dist.destroy_process_group()
