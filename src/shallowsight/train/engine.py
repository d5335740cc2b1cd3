"""The only door to DeepSpeed: processes, precision, ZeRO, clipping and the optimizer update.

The same code runs in one process, under torchrun on one machine, and in the pods of a TrainJob: the launcher's
environment (RANK, WORLD_SIZE, LOCAL_RANK) is all it reads.
"""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from shallowsight.config import Stage
from shallowsight.errors import ConfigurationError, MissingPackage

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Processes:
    """This process among its peers."""

    rank: int
    count: int
    device: torch.device

    @property
    def leads(self) -> bool:
        return self.rank == 0


def join_processes() -> Processes:
    """Join the group that the launcher made, or be a group of one."""
    rank, count = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    os.environ.setdefault("LOCAL_RANK", "0")
    if not dist.is_initialized():
        # A group of one needs no port: two trainings on one machine never clash.
        store = dist.HashStore() if count == 1 else None  # type: ignore[attr-defined]
        dist.init_process_group("nccl" if cuda else "gloo", store=store, rank=rank, world_size=count)
    return Processes(rank, count, device)


def _deepspeed() -> Any:
    if not torch.cuda.is_available():
        # Else DeepSpeed says on the standard output, before its log can be quietened, that it looked for one.
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    try:
        import deepspeed
        import deepspeed.ops
    except ImportError:
        raise MissingPackage("deepspeed", extra="train") from None
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    if not torch.cuda.is_available():
        # Else init compiles a C++ op, which takes two minutes and needs a compiler; pinned to deepspeed<0.20.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    return deepspeed


class Engine:
    """One model under training."""

    def __init__(self, model: nn.Module, stage: Stage, processes: Processes, accumulation: int) -> None:
        """`accumulation` micro-batches on each process make one global batch.

        Raises:
            ConfigurationError: the global batch does not divide among processes and micro-batches.
        """
        shares = processes.count * accumulation
        if stage.global_batch % shares:
            raise ConfigurationError(
                f"global_batch={stage.global_batch} does not divide by {processes.count} processes x {accumulation} "
                f"micro-batches; use a multiple of {shares}"
            )
        self.scale = float(shares)  # DeepSpeed takes the mean over micro-batches and processes; we want the sum
        optimizer = torch.optim.AdamW(_groups(model.named_parameters(), stage.weight_decay), lr=stage.learning_rate)
        self._engine, self._optimizer, _, _ = _deepspeed().initialize(
            model=model,
            optimizer=optimizer,
            config={
                "train_batch_size": stage.global_batch,
                "train_micro_batch_size_per_gpu": stage.global_batch // shares,
                "gradient_accumulation_steps": accumulation,
                "gradient_clipping": stage.clip,
                "zero_optimization": {"stage": stage.zero},
                "bf16": {"enabled": stage.precision == "bfloat16"},
                "zero_allow_untested_optimizer": True,
                "steps_per_print": 10**9,
            },
        )

    def loss(self, *batch: Any) -> Tensor:
        """The model's forward pass."""
        loss: Tensor = self._engine(*batch)
        return loss

    def backward(self, loss_share: Tensor) -> None:
        """`loss_share` is this micro-batch's part of the global batch's loss; the parts add up."""
        self._engine.backward(loss_share * self.scale)

    def step(self, learning_rate: float) -> None:
        """After each backward; the optimizer moves when all micro-batches of the batch are in."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._engine.step()


def _groups(parameters: Iterable[tuple[str, Tensor]], weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices only: not on biases and norms."""
    trained = [p for _, p in parameters if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
