"""The forecast of a study: operations, memory, storage and time of its stages, on a named device or on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass

from shallowsight.cost import memory as bytes_of
from shallowsight.cost.devices import CPU, find_device
from shallowsight.cost.local import Forecast, forecast, layer_bytes, work_seconds
from shallowsight.cost.machines import Cpu, Gpus, Machine, Span, this_machine
from shallowsight.cost.memory import memory
from shallowsight.cost.operations import Operations, stage_operations
from shallowsight.cost.subject import Made, Subject, Task, all_tasks
from shallowsight.data.passes import first_passes, more_passes
from shallowsight.errors import ConfigurationError
from shallowsight.study.even_batches import part_of_batch
from shallowsight.study.settings import Setting
from shallowsight.study.stages import STAGES, StageName


@dataclass(frozen=True, kw_only=True)
class StageForecast:
    """One stage of one model. Operations and bytes are computed; seconds follow from a measured or assumed speed."""

    stage: StageName
    samples: int
    updates: int
    operations: Operations
    memory: float  # bytes on each GPU, or of the process on a CPU
    micro_batch: int  # samples at a time in each process: the most that fit, found in the same way as in training
    own_batch: int  # each process's part of the global batch
    fits: bool
    state: float  # bytes of a saved state
    checkpoint: float
    seconds: Span


@dataclass(frozen=True, kw_only=True)
class StudyForecast:
    """All models of a study; `stages` are those of one model, with the setting `setting`."""

    subject: Subject
    setting: Setting
    device: str
    gpus: int  # 0 on a CPU
    stages: tuple[StageForecast, ...]
    models: int
    seconds: Span  # of all models, one after the other on GPUs
    storage: float  # bytes of all checkpoints and cached features


@dataclass(frozen=True)
class Outlook:
    """The cost of a study's missing cells on this machine."""

    cost: Forecast
    stages: tuple[tuple[StageForecast, int], ...]  # the largest model of each stage, and the number of its models


def forecast_study(subject: Subject, device: str, gpus: int, members_at_once: int) -> StudyForecast:
    """The forecast of a study: on GPUs only its trainings, one after the other; on `cpu`, this machine, all steps.

    Raises:
        ConfigurationError: there is no such device, or a batch does not divide among the GPUs.
    """
    if device != CPU and gpus < 1:
        raise ConfigurationError(f"--gpus {gpus}: name at least one GPU, or --device {CPU}")
    gpus = 0 if device == CPU else gpus
    machine: Machine = Cpu(members_at_once) if device == CPU else Gpus(find_device(device), gpus)
    models = [setting for setting in subject.members() for _ in subject.study.seeds_of(setting)]
    tasks = all_tasks(subject)
    if isinstance(machine, Cpu):
        found = forecast(subject, tasks, machine)
        seconds = Span(found.low, found.high)
    else:
        spans = (work_seconds(subject, task, machine) for task in tasks if task.step in STAGES)
        seconds = sum(spans, Span(0.0, 0.0))
    features = sum(task.step == "encode" for task in tasks) * layer_bytes(subject)
    checkpoints = sum(bytes_of.checkpoint_bytes(subject, s, stage) for s in models for stage in STAGES)
    setting = subject.base.setting
    return StudyForecast(
        subject=subject,
        setting=setting,
        device=device,
        gpus=gpus,
        stages=tuple(stage_forecast(subject, setting, stage, machine, max(1, gpus)) for stage in STAGES),
        models=len(models),
        seconds=seconds,
        storage=checkpoints + features,
    )


def outlook(subject: Subject, missing: Sequence[Task], members_at_once: int, gpus: int) -> Outlook:
    """The cost of the missing cells; raises ConfigurationError for a GPU that is not in the table."""
    machine = this_machine(members_at_once, gpus)
    stages = []
    for stage in STAGES:
        settings = [Setting.parse(str(task.setting)) for task in missing if task.step == stage]
        if settings:
            heaviest = max(settings, key=lambda s: stage_operations(subject, s, stage).hardware)
            stages.append((stage_forecast(subject, heaviest, stage, machine, max(1, gpus)), len(settings)))
    return Outlook(forecast(subject, missing, machine), tuple(stages))


def stage_forecast(
    subject: Subject, setting: Setting, stage: StageName, machine: Machine, processes: int
) -> StageForecast:
    """The forecast of one stage; raises ConfigurationError when the batch does not divide among the processes."""
    load, own = subject.loads[stage], part_of_batch(subject.base, stage, processes)
    micro, taken = _largest(subject, setting, stage, machine, processes, own)
    return StageForecast(
        stage=stage,
        samples=load.samples,
        updates=load.updates,
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
    passes = first_passes(own, subject.loads[stage].mean_length, isinstance(machine, Cpu))
    while True:
        taken = machine.taken(memory(subject, setting, stage, processes, own // passes).peak)
        more = more_passes(own, passes)
        if taken <= machine.usable or more is None:
            return own // passes, taken
        passes = more
