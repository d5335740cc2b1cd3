"""The forecast of one stage of one model: operations, memory, files and time on a machine."""

from dataclasses import dataclass

from shallowsight.cost import memory as bytes_of
from shallowsight.cost.local import work_seconds
from shallowsight.cost.machines import Cpu, Machine, Span
from shallowsight.cost.memory import memory
from shallowsight.cost.operations import Operations, stage_operations
from shallowsight.cost.subject import Made, Subject
from shallowsight.data.passes import first_passes, more_passes
from shallowsight.study.even_batches import part_of_batch
from shallowsight.study.settings import Setting
from shallowsight.study.stages import StageName


@dataclass(frozen=True, kw_only=True)
class StageForecast:
    """One stage of one model. Operations and bytes are computed; seconds follow from a measured or assumed speed."""

    stage: StageName
    samples: int
    updates: int
    image_tokens: int
    operations: Operations
    memory: float  # bytes on each GPU, or of the process on a CPU
    micro_batch: int  # samples at a time in each process: the most that fit, found in the same way as in training
    own_batch: int  # each process's part of the global batch
    fits: bool
    state: float  # bytes of a saved state
    checkpoint: float
    seconds: Span


def stage_forecast(
    subject: Subject, setting: Setting, stage: StageName, machine: Machine, processes: int
) -> StageForecast:
    """The forecast of one stage; raises ConfigurationError when the batch does not divide among the processes."""
    load, own = subject.load(setting, stage), part_of_batch(subject.base, stage, processes)
    micro, taken = _largest(subject, setting, stage, machine, processes, own)
    return StageForecast(
        stage=stage,
        samples=load.samples,
        updates=load.updates,
        image_tokens=load.image_tokens,
        operations=stage_operations(subject, setting, stage),
        memory=taken,
        micro_batch=micro,
        own_batch=own,
        fits=taken <= machine.usable,
        state=bytes_of.state_bytes(subject, setting, stage),
        checkpoint=bytes_of.checkpoint_bytes(subject, setting, stage),
        seconds=work_seconds(subject, Made(stage, str(setting), 0), machine),
    )


def _largest(
    subject: Subject, setting: Setting, stage: StageName, machine: Machine, processes: int, own: int
) -> tuple[int, float]:
    """The micro-batch that training will use, and its bytes: the first choice, or a smaller one until it fits."""
    passes = first_passes(own, subject.load(setting, stage).mean_length, isinstance(machine, Cpu))
    while True:
        taken = machine.taken(memory(subject, setting, stage, processes, own // passes).peak)
        more = more_passes(own, passes)
        if taken <= machine.usable or more is None:
            return own // passes, taken
        passes = more
