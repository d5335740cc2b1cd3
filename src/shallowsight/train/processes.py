"""The processes that train together, and what they tell each other beside gradients.

The launcher's environment (RANK, WORLD_SIZE, LOCAL_RANK) is all that is read: one process, torchrun on one machine and
the pods of a TrainJob look alike.
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
    """This process among its peers."""

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
        """Over all processes, on the CPU."""
        if self.count == 1:
            return values
        shared = values.to(self.device)
        dist.all_reduce(shared)
        return shared.cpu()

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """For each flag, whether any process set it; the same answer everywhere."""
        return tuple(bool(count) for count in self.sum(torch.tensor(flags, dtype=torch.int32)))

    def from_leader(self, value: T) -> T:
        """The leader's value, everywhere."""
        shared = [value]
        if self.count > 1:
            dist.broadcast_object_list(shared, device=self.device)
        return shared[0]

    def gather(self, value: T) -> list[T]:
        """The values of all processes in the order of their ranks, everywhere."""
        found: list[T] = [value] * self.count
        if self.count > 1:
            dist.all_gather_object(found, value)
        return found

    def wait(self) -> None:
        """Until all processes are here."""
        self.any(False)


def ranks() -> tuple[int, int]:
    """This process's number among all, and among those of its node, before it has joined them."""
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
        # A group of one needs no port: two trainings on one machine never clash.
        store = dist.HashStore() if count == 1 else None  # type: ignore[attr-defined]
        backend = "nccl" if cuda else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=_PATIENCE)
    return Processes(rank, count, device, local_rank)


@contextmanager
def lost_peers() -> Iterator[None]:
    """Raises ShallowsightError where one process finds in a collective that another one has ended."""
    try:
        yield
    except RuntimeError as error:
        # gloo has no type for it.
        if isinstance(error, dist.DistError) or ("gloo" in str(error) and "onnection" in str(error)):
            raise ShallowsightError(
                f"another process of this training is gone, and its own log says why ({error}); "
                "the same command continues from the last saved state"
            ) from None
        raise


def leave_processes() -> None:
    """At the end, when nothing is left to be said between them."""
    if dist.is_initialized():
        dist.destroy_process_group()
