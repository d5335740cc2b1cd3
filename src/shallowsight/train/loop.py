"""The training loop. It knows batches, an engine and a schedule; nothing of disks or clusters."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.distributed as dist

from shallowsight.config import Stage
from shallowsight.data.batches import Batches
from shallowsight.errors import ShallowsightError
from shallowsight.train.engine import Engine, Processes
from shallowsight.train.schedule import learning_rate


@dataclass(frozen=True)
class UpdateRecord:
    """One optimizer update."""

    update: int  # done so far, from 1
    loss: float  # mean over the global batch's supervised tokens, nats
    learning_rate: float
    seconds: float
    tokens: int  # text and image tokens, all processes


def train(
    engine: Engine,
    batches: Batches,
    stage: Stage,
    updates: int,
    processes: Processes,
    accumulation: int,
    on_update: Callable[[UpdateRecord], None],
) -> None:
    """Run a stage from its first update to its last.

    Raises:
        ShallowsightError: the loss is not finite.
    """
    for update in range(1, updates + 1):
        started = time.perf_counter()
        rate = learning_rate(stage.learning_rate, stage.warmup, update, updates)
        total = torch.zeros(2, dtype=torch.float64)  # loss, tokens
        for batch in batches.of_update(update - 1, processes.rank, processes.count, accumulation):
            on_device = batch.to(processes.device)
            share = engine.loss(on_device.features, on_device.ids, on_device.mask, on_device.labels) / batch.supervised
            engine.backward(share)
            engine.step(rate)
            total += torch.tensor([share.item(), float(batch.mask.sum())], dtype=torch.float64)
        if processes.count > 1:
            total = total.to(processes.device)
            dist.all_reduce(total)
        loss = float(total[0])
        if loss != loss or loss in (float("inf"), float("-inf")):
            raise ShallowsightError(
                f"the loss is {loss} at update {update}; try a smaller learning_rate (now {rate:.1e})"
            )
        on_update(UpdateRecord(update, loss, rate, time.perf_counter() - started, int(total[1])))
