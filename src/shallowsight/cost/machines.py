"""How long work takes: on this CPU, whose speed is timed, or on GPUs, whose share of their peak is assumed."""

import math
import os
from dataclasses import dataclass, field
from typing import Protocol

from shallowsight.cost.calibration import Pass, training_speed
from shallowsight.cost.devices import USABLE, Device, device_of_cuda
from shallowsight.cost.hardware import gpu_name, matrix_speed
from shallowsight.cost.memory import number_bytes, trained_parameters
from shallowsight.cost.operations import sample_operations, stage_operations
from shallowsight.cost.subject import Subject
from shallowsight.study.settings import Setting
from shallowsight.study.stages import StageName

_SPREAD = (0.8, 1.25)  # low and high of what a CPU takes, as factors
# Of a core's speed in matrix products; ours, measured on two cores of a Xeon.
_TOWER_SHARE, _ANSWER_SHARE = 0.55, 0.6
# The same of a GPU's peak, with what training reaches; assumed: answering reads all weights for every token.
_GPU_TOWER, _GPU_ANSWER = 0.5, 0.1
_GPU_UPDATE = (0.02, 0.1)  # seconds of an update at least, however small the model, low and high; assumed
_PACKAGES = 0.45e9  # bytes of a process before it has a model; measured
_HEAP = 1.5  # bytes taken for each that is asked for, as the C library keeps what is freed; measured 1.2 to 2.1
# Seconds of an update beside passes and optimizer: making the batch, DeepSpeed, the record. Measured with the demo.
_AROUND = 0.008


@dataclass(frozen=True)
class Span:
    """Seconds, low and high."""

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
    """Says what work takes."""

    @property
    def overlap(self) -> int:
        """Members whose work goes on side by side, each as fast as said here."""
        ...

    @property
    def usable(self) -> float:
        """Bytes that a training process may take."""
        ...

    def taken(self, asked: float) -> float:
        """Bytes that it takes when its model and its passes ask for so many."""
        ...

    def train(self, subject: Subject, setting: Setting, stage: StageName) -> Span: ...

    def look(self, operations: float) -> Span:
        """The tower over pictures, by one process that has the machine to itself."""
        ...

    def answer(self, operations: float) -> Span: ...


@dataclass(frozen=True)
class Cpu:
    """This machine, shared by members that each have their part of the cores."""

    overlap: int
    cores: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))

    @property
    def usable(self) -> float:
        return USABLE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / self.overlap

    def taken(self, asked: float) -> float:
        return _PACKAGES + _HEAP * asked

    @property
    def threads(self) -> int:
        """Of one member, as the steps share them out."""
        return max(1, self.cores // self.overlap)

    def train(self, subject: Subject, setting: Setting, stage: StageName) -> Span:
        load, settings = subject.loads[stage], subject.base.stage(stage)
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
        return _span(load.updates * (passes + more * speed.update + _AROUND))

    def look(self, operations: float) -> Span:
        return _span(operations / self._speed(self.cores, _TOWER_SHARE))

    def answer(self, operations: float) -> Span:
        return _span(operations / self._speed(self.threads, _ANSWER_SHARE))

    def _speed(self, threads: int, share: float) -> float:
        return matrix_speed() * threads * share


@dataclass(frozen=True)
class Gpus:
    """Some GPUs of one kind, all of them on each member in turn."""

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
        work, updates = self._span(half, single, 1.0) * (1 / self.count), subject.loads[stage].updates
        return Span(max(work.low, updates * _GPU_UPDATE[0]), max(work.high, updates * _GPU_UPDATE[1]))

    def look(self, operations: float) -> Span:
        return self._span(0.0, operations, _GPU_TOWER)

    def answer(self, operations: float) -> Span:
        return self._span(0.0, operations, _GPU_ANSWER)

    def _span(self, half: float, single: float, share: float) -> Span:
        device = self.device
        return Span(device.seconds(half, single, device.high * share), device.seconds(half, single, device.low * share))


def this_machine(members_at_once: int, gpus: int) -> Machine:
    """Raises ConfigurationError for a GPU without figures."""
    name = gpu_name()
    return Cpu(members_at_once) if name is None else Gpus(device_of_cuda(name), max(1, gpus))


def _span(seconds: float) -> Span:
    return Span(seconds * _SPREAD[0], seconds * _SPREAD[1])
