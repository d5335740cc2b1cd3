"""The forecast of a study or an experiment that needs neither weights nor data."""

from collections.abc import Sequence

from shallowsight.cli.display import plain_console
from shallowsight.cli.forecast_table import print_forecast
from shallowsight.cluster.kubeflow import pipelines
from shallowsight.cost.forecast import forecast_study
from shallowsight.cost.shapes import tower_depth
from shallowsight.cost.subject import Subject, subject_named
from shallowsight.errors import ConfigurationError
from shallowsight.study.overrides import load_experiment, load_study
from shallowsight.study.study import Study


def forecast(name_or_file: str, overrides: Sequence[str], device: str, gpus: int, *, one: bool) -> None:
    """Print the cost of a study, or of one experiment, on a device.

    Raises:
        ConfigurationError: a model or a file is neither on this machine nor a published one.
    """
    subject = _subject("experiment" if one else "study", name_or_file, overrides)
    print_forecast(plain_console(), forecast_study(subject, device, gpus, pipelines.PARALLEL))


def can_forecast(kind: str, name: str) -> bool:
    """Whether the forecast of a study or an experiment of this name can be printed."""
    try:
        _subject(kind, name, ())
    except ConfigurationError:
        return False
    return True


def _subject(kind: str, name_or_file: str, overrides: Sequence[str]) -> Subject:
    if kind == "study":
        return subject_named(load_study(name_or_file, overrides, tower_depth))
    experiment = load_experiment(name_or_file, overrides, tower_depth)
    setting = str(experiment.setting)
    return subject_named(Study(name=experiment.name, base=experiment, settings=(setting,), seeds=(experiment.seed,)))
