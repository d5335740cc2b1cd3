"""The training loop. It uses batches, an engine and a schedule, and has no code for disks or clusters."""

import math
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from shallowsight.data.batches import Batch, Batches
from shallowsight.data.features import FeatureSource
from shallowsight.data.loading import Loader
from shallowsight.errors import LossNotFinite
from shallowsight.train.efficiency import Meter
from shallowsight.train.engine import Engine
from shallowsight.train.processes import Processes
from shallowsight.train.schedule import Schedule

_SHOWN_NAMES = 8  # the most records that an error names when the loss is not finite


@dataclass(frozen=True)
class UpdateRecord:
    """One optimizer update."""

    update: int  # its number, from 1
    loss: float  # mean over the global batch's supervised tokens, nats
    learning_rate: float
    samples: str  # digest of which samples the batch held, in order
    tokens: int  # text and image tokens of all processes
    seconds: float
    waited: float  # the part of `seconds` spent waiting for data, mean over processes
    sample_count: int  # samples of all processes
    operations: float  # floating-point operations of the model (FLOPs) in all processes
    peak: float  # operations per second that the devices of all processes can do; 0: unknown
    memory: int  # bytes, the most memory that this process has used
    device_memory: int  # bytes, the most memory that this process has used of its GPU; 0 without a GPU


class Trainer:
    """Computes updates one after the other."""

    def __init__(
        self,
        engine: Engine,
        batches: Batches,
        features: FeatureSource,
        schedule: Schedule,
        seed: int,
        processes: Processes,
        meter: Meter,
    ) -> None:
        self._engine, self._batches, self._features = engine, batches, features
        self._schedule, self._seed, self._processes, self._meter = schedule, seed, processes, meter

    def train(self, loader: Loader, done: int) -> Iterator[UpdateRecord]:
        """Do the updates from number `done` + 1 to the last; `loader` must start at the same update.

        Raises:
            LossNotFinite: the message names the records of the batch.
            ShallowsightError: a data worker died.
        """
        for update in range(done + 1, self._schedule.updates + 1):
            started = time.perf_counter()
            self._seed_dropout(update)
            rate = self._schedule.rate(update)
            totals = torch.zeros(4, dtype=torch.float64)  # loss, tokens, operations, waited
            for batch in loader.next_update():
                totals[:3] += self._compute(batch, rate)
            totals[3] = loader.waited
            loss, tokens, operations, waited = self._processes.sum(totals).tolist()
            if not math.isfinite(loss) or not self._engine.moved:
                raise LossNotFinite(self._fault(update, loss, rate))
            seconds = time.perf_counter() - started
            yield UpdateRecord(
                update,
                loss,
                rate,
                samples=self._batches.digest(update - 1),
                tokens=int(tokens),
                seconds=seconds,
                waited=waited / self._processes.count,
                sample_count=self._schedule.stage.global_batch,
                operations=operations,
                peak=self._meter.peak,
                memory=1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                device_memory=torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0,
            )

    def _compute(self, batch: Batch, rate: float) -> torch.Tensor:
        """Forward and backward of a micro-batch; its part of the loss, its tokens and its operations."""
        tokens, operations = float(batch.mask.sum()), self._meter.costs.of(batch)
        batch = batch.to(self._processes.device)
        features = self._features.features(batch.pictures) if batch.pictures else []
        found = self._engine.forward(features, batch.ids, batch.positions, batch.labels)
        share = found / batch.supervised
        self._engine.backward(share)
        self._engine.step(rate)
        return torch.tensor([share.item(), tokens, operations], dtype=torch.float64)

    def _seed_dropout(self, update: int) -> None:
        """Seed the random numbers from the update's number, so that a resume needs no state of a generator."""
        seed = np.random.SeedSequence((self._seed, update, self._processes.rank)).generate_state(1, np.uint64)
        torch.manual_seed(int(seed[0]))

    def _fault(self, update: int, loss: float, rate: float) -> str:
        names = self._batches.names(update - 1)
        more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        what = "the gradients are not finite" if math.isfinite(loss) else f"the loss is {loss}"
        return (
            f"{what} at update {update}, with records {', '.join(names[:_SHOWN_NAMES])}{more}; "
            f"look at these records, or try a smaller learning_rate (now {rate:.1e})"
        )
