"""The time for work: on this CPU, from a measured speed, or on GPUs, from an assumed share of their peak."""

import math
import os
from dataclasses import dataclass, field
from typing import Protocol

from shallowsight.cost.calibration import Pass, training_speed
from shallowsight.cost.devices import USABLE, Device, device_of_cuda
from shallowsight.cost.hardware import gpu_name, matrix_speed
from shallowsight.cost.memory import number_bytes, trained_parameters
from shallowsight.cost.operations import sample_operations, stage_operations
from shallowsight.cost.optimizer import update_operations
from shallowsight.cost.subject import Subject
from shallowsight.study.settings import Setting
from shallowsight.study.stages import StageName

_SPREAD = (0.8, 1.25)  # factors for the low and the high estimate of a CPU's time
# Share of a core's speed in matrix products, measured on two cores of a Xeon.
_TOWER_SHARE, _ANSWER_SHARE = 0.55, 0.6
# Share of the GPU's speed in training, assumed; low for answers, because every token reads all weights.
_GPU_TOWER, _GPU_ANSWER = 0.5, 0.1
_GPU_UPDATE = (0.02, 0.1)  # least seconds of an update, however small the model: low and high estimate, assumed
_PACKAGES = 0.45e9  # bytes of a process before it has a model; measured
_HEAP = 1.5  # bytes used for each requested byte, because the C library keeps freed memory; measured 1.2 to 2.1
# Seconds of an update without passes and optimizer: making the batch, DeepSpeed, the record. Measured with the demo.
_AROUND = 0.008


@dataclass(frozen=True)
class Span:
    """A low and a high estimate of seconds."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        return math.sqrt(self.low * self.high)

    def __add__(self, other: "Span") -> "Span":
        return Span(self.low + other.low, self.high + other.high)

    def __mul__(self, factor: float) -> "Span":
        return Span(self.low * factor, self.high * factor)


class Machine(Protocol):
    """A machine that estimates the time and the memory for work."""

    @property
    def overlap(self) -> int:
        """The number of members that work in parallel, each at the speed that the other methods assume."""
        ...

    @property
    def usable(self) -> float:
        """The bytes that a training process may use."""
        ...

    def taken(self, asked: float) -> float:
        """The bytes that a training process uses when its model and its passes request `asked` bytes."""
        ...

    def train(self, subject: Subject, setting: Setting, stage: StageName) -> Span: ...

    def look(self, operations: float) -> Span:
        """The time for running the tower over pictures, in one process alone on the machine."""
        ...

    def answer(self, operations: float) -> Span: ...


@dataclass(frozen=True)
class Cpu:
    """This machine's CPU, whose cores are divided among members."""

    overlap: int
    cores: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))

    @property
    def usable(self) -> float:
        return USABLE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / self.overlap

    def taken(self, asked: float) -> float:
        return _PACKAGES + _HEAP * asked

    @property
    def threads(self) -> int:
        """Threads of one member, divided as the steps divide them."""
        return max(1, self.cores // self.overlap)

    def train(self, subject: Subject, setting: Setting, stage: StageName) -> Span:
        # One length is timed for all settings: a measurement takes seconds, and the speed changes little with it.
        load, settings = subject.load(subject.shown, stage), subject.base.stage(stage)
        if not load.updates:
            return Span(0.0, 0.0)
        trained = stage == "finetune" and not settings.lora.rank
        tokens = max(2, round(load.mean_length * load.padded))
        timed = Pass(
            shape=subject.language,
            sequences=settings.global_batch,
            tokens=tokens,
            predicted=min(tokens - 1, max(1, round(load.supervised))),
            trained=trained,
            half=number_bytes(subject, stage) == 2,
            checkpointing=settings.checkpointing,
        )
        speed = training_speed(timed, self.threads)
        one = sample_operations(subject, setting, stage, settings.global_batch)
        more = max(1.0, trained_parameters(subject, setting, stage) / speed.parameters) if trained else 1.0
        passes = one.computed * speed.operation + one.tower / self._speed(self.threads, _TOWER_SHARE)
        update = more * speed.update + update_operations(subject, setting, stage) * speed.operation
        return _span(load.updates * (passes + update + _AROUND))

    def look(self, operations: float) -> Span:
        return _span(operations / self._speed(self.cores, _TOWER_SHARE))

    def answer(self, operations: float) -> Span:
        return _span(operations / self._speed(self.threads, _ANSWER_SHARE))

    def _speed(self, threads: int, share: float) -> float:
        return matrix_speed() * threads * share


@dataclass(frozen=True)
class Gpus:
    """Several GPUs of one kind, all of which work on one member after the other."""

    device: Device
    count: int
    overlap: int = 1

    @property
    def usable(self) -> float:
        return self.device.usable

    def taken(self, asked: float) -> float:
        return asked

    def train(self, subject: Subject, setting: Setting, stage: StageName) -> Span:
        found = stage_operations(subject, setting, stage)
        halves = number_bytes(subject, stage) == 2
        half, single = (found.computed, found.tower) if halves else (0.0, found.hardware)
        updates = subject.load(setting, stage).updates
        # Every process computes the whole update by Muon.
        more = self._span(0.0, updates * update_operations(subject, setting, stage), 1.0)
        work = self._span(half, single, 1.0) * (1 / self.count) + more
        return Span(max(work.low, updates * _GPU_UPDATE[0]), max(work.high, updates * _GPU_UPDATE[1]))

    def look(self, operations: float) -> Span:
        return self._span(0.0, operations, _GPU_TOWER)

    def answer(self, operations: float) -> Span:
        return self._span(0.0, operations, _GPU_ANSWER)

    def _span(self, half: float, single: float, share: float) -> Span:
        device = self.device
        return Span(device.seconds(half, single, device.high * share), device.seconds(half, single, device.low * share))


def this_machine(members_at_once: int, gpus: int) -> Machine:
    """This machine; raises ConfigurationError for a GPU that is not in the table."""
    name = gpu_name()
    return Cpu(members_at_once) if name is None else Gpus(device_of_cuda(name), max(1, gpus))


def _span(seconds: float) -> Span:
    return Span(seconds * _SPREAD[0], seconds * _SPREAD[1])
