"""The compiled pipelines in this package, in the form in which they are uploaded to Kubeflow Pipelines."""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import yaml

from shallowsight.errors import ConfigurationError

# WorkloadPriorityClasses of manifests/base/queue.
INTERACTIVE, SCHEDULED = "shallowsight-interactive", "shallowsight-scheduled"
# The environment variables that replace an image in the compiled pipelines.
IMAGE_VARIABLES = {
    "ghcr.io/shallowsight/shallowsight-python:0.1.0": "SHALLOWSIGHT_CPU_IMAGE",
    "ghcr.io/shallowsight/shallowsight-cuda-python:0.1.0": "SHALLOWSIGHT_TRAIN_IMAGE",
}
# Replaced in the compiled text, because Kubeflow does not allow a pipeline parameter as the value.
_AT_ONCE = re.compile(r"^( +parallelismLimit: )([0-9]+)$", re.MULTILINE)
_FOLDER = resources.files("shallowsight.cluster.kubeflow").joinpath("compiled")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to run, and with which resources."""

    kind: str  # study or experiment
    name: str
    words: Sequence[str]  # key=value
    settings: Sequence[str] = ()  # that replace the settings of the study
    store: str
    gpus: int  # of each training
    # For each step that runs the tower or answers questions; None: one GPU if the trainings have any.
    step_gpus: int | None = None
    scheduled: bool = False  # a schedule starts it, so its trainings have a lower priority than those of a user


@dataclass(frozen=True)
class Shipped:
    """One compiled pipeline; `inputs` maps the name of each parameter to whether it may be left out."""

    name: str  # of the file, for instance layer_study
    text: str
    display_name: str
    inputs: Mapping[str, bool]
    parallelism: int | None  # settings trained at the same time; None: the pipeline trains one setting

    @property
    def version(self) -> str:
        """The version's name, made from the text, so that the same text is uploaded only once."""
        return f"sha256-{hashlib.sha256(self.text.encode()).hexdigest()[:16]}"

    def arguments(self, order: Order) -> dict[str, object]:
        """The arguments for the pipeline. Settings are an argument if it has such a parameter, else an override.

        Raises:
            ConfigurationError: the pipeline does not take such a study or experiment.
        """
        # Numbers are sent as text: Kubeflow does not put an integer into a pod's resource limits.
        given: dict[str, object] = {order.kind: order.name, "store": order.store, "gpus": str(order.gpus)}
        if "settings" in self.inputs:
            given |= {"settings": list(order.settings), "overrides": list(order.words)}
        else:
            settings = [f"settings={' '.join(order.settings)}"] if order.settings else []
            given["overrides"] = [*order.words, *settings]
        if "step_gpus" in self.inputs:
            given["step_gpus"] = str(min(order.gpus, 1) if order.step_gpus is None else order.step_gpus)
        if "priority" in self.inputs:
            given["priority"] = SCHEDULED if order.scheduled else INTERACTIVE
        unknown = sorted(set(given) - set(self.inputs))
        missing = sorted(key for key, optional in self.inputs.items() if not optional and key not in given)
        if unknown or missing:
            raise ConfigurationError(
                f"pipeline {self.name} cannot run this {order.kind}: it takes {', '.join(sorted(self.inputs))}; "
                f"{', '.join([*unknown, *missing])} does not fit. The pipelines are {', '.join(names())}"
            )
        return given


def names() -> list[str]:
    """The names of the pipelines, sorted."""
    return sorted(file.name.removesuffix(".yaml") for file in _FOLDER.iterdir() if file.name.endswith(".yaml"))


@lru_cache  # a file of schedules calls this for each entry
def shipped(name: str, parallelism: int | None = None) -> Shipped:
    """A pipeline that trains `parallelism` settings at the same time; None: the number that was compiled in.

    Raises:
        ConfigurationError: the name is not one of `names()`, or a parallelism is given for a pipeline of one setting.
    """
    if name not in names():
        raise ConfigurationError(f"no pipeline {name!r}; choose from {', '.join(names())}")
    text = _FOLDER.joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    for image, variable in IMAGE_VARIABLES.items():
        text = text.replace(f"image: {image}", f"image: {os.environ.get(variable) or image}")
    at_once = _AT_ONCE.search(text)
    if parallelism is not None:
        if at_once is None:
            raise ConfigurationError(
                f"pipeline {name} trains one setting, so it takes no parallelism (found {parallelism}); leave it out"
            )
        text = _AT_ONCE.sub(rf"\g<1>{parallelism}", text)
    spec = next(yaml.safe_load_all(text))
    inputs = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    return Shipped(
        name=name,
        text=text,
        # The prefix tells these pipelines from those of other teams on the same server.
        display_name=f"shallowsight-{spec['pipelineInfo']['name']}",
        inputs={key: bool(about.get("isOptional")) for key, about in inputs.items()},
        parallelism=parallelism or (int(at_once[2]) if at_once else None),
    )
