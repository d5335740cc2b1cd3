"""The forecast of a study: operations, memory, storage and time of its stages, on a named device or on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass

from shallowsight.cost import memory as bytes_of
from shallowsight.cost.by_setting import SettingForecast, by_setting
from shallowsight.cost.devices import CPU, find_device
from shallowsight.cost.local import Forecast, features_bytes, forecast, work_seconds
from shallowsight.cost.machines import Cpu, Gpus, Machine, Span, this_machine
from shallowsight.cost.operations import stage_operations
from shallowsight.cost.stages import StageForecast, stage_forecast
from shallowsight.cost.subject import Subject, Task, all_tasks
from shallowsight.errors import ConfigurationError
from shallowsight.study.settings import Setting
from shallowsight.study.stages import STAGES


@dataclass(frozen=True, kw_only=True)
class StudyForecast:
    """All models of a study; `stages` are those of one model, with the setting `setting`."""

    subject: Subject
    setting: Setting
    device: str
    gpus: int  # 0 on a CPU
    stages: tuple[StageForecast, ...]
    settings: tuple[SettingForecast, ...]  # every setting, those together that cost about the same
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
    checkpoints = sum(bytes_of.checkpoint_bytes(subject, s, stage) for s in models for stage in STAGES)
    setting = subject.shown
    return StudyForecast(
        subject=subject,
        setting=setting,
        device=device,
        gpus=gpus,
        stages=tuple(stage_forecast(subject, setting, stage, machine, max(1, gpus)) for stage in STAGES),
        settings=by_setting(subject, machine, max(1, gpus)),
        models=len(models),
        seconds=seconds,
        storage=checkpoints + features_bytes(subject, tasks),
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
