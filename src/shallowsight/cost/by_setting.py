"""What one model costs in each setting of a study; settings that cost about the same stand together."""

from dataclasses import dataclass

from shallowsight.cost.machines import Machine, Span
from shallowsight.cost.stages import stage_forecast
from shallowsight.cost.subject import Subject
from shallowsight.study.settings import Setting
from shallowsight.study.stages import STAGES


@dataclass(frozen=True, kw_only=True)
class SettingForecast:
    """One model in both stages."""

    setting: Setting  # that with the deepest layer, which costs most
    others: int  # settings with as many image tokens and parameters
    image_tokens: int
    parameters: int  # of fusion, connector and injection
    operations: float  # of the model, in both stages
    memory: float  # bytes on each GPU, or of the process on a CPU, in the stage that needs more
    fits: bool
    seconds: Span  # of both stages


def by_setting(subject: Subject, machine: Machine, processes: int) -> tuple[SettingForecast, ...]:
    """The settings in their order in the study; raises ConfigurationError as `stage_forecast`."""
    alike: dict[tuple[int, int], list[Setting]] = {}
    for setting in subject.members():
        parts = subject.parts(setting)
        alike.setdefault((parts.image_tokens, parts.parameters), []).append(setting)
    return tuple(_one(subject, settings, machine, processes) for settings in alike.values())


def _one(subject: Subject, settings: list[Setting], machine: Machine, processes: int) -> SettingForecast:
    setting = max(settings, key=lambda s: s.layers.deepest)
    stages = [stage_forecast(subject, setting, stage, machine, processes) for stage in STAGES]
    parts = subject.parts(setting)
    return SettingForecast(
        setting=setting,
        others=len(settings) - 1,
        image_tokens=parts.image_tokens,
        parameters=parts.parameters,
        operations=sum(stage.operations.model for stage in stages),
        memory=max(stage.memory for stage in stages),
        fits=all(stage.fits for stage in stages),
        seconds=sum((stage.seconds for stage in stages), Span(0.0, 0.0)),
    )
