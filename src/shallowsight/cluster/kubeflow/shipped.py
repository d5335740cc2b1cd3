"""The compiled pipelines that ship in this package, as a Kubeflow Pipelines installation gets them."""

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
# By which images other than those that it was compiled with are put into a pipeline.
IMAGE_VARIABLES = {
    "ghcr.io/shallowsight/shallowsight-python:0.1.0": "SHALLOWSIGHT_CPU_IMAGE",
    "ghcr.io/shallowsight/shallowsight-cuda-python:0.1.0": "SHALLOWSIGHT_TRAIN_IMAGE",
}
# Fixed when a pipeline is compiled: a parameter of the pipeline cannot be its value.
_AT_ONCE = re.compile(r"^( +parallelismLimit: )([0-9]+)$", re.MULTILINE)
_FOLDER = resources.files("shallowsight.cluster.kubeflow").joinpath("compiled")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be run, and with how much."""

    kind: str  # study or experiment
    name: str
    words: Sequence[str]  # key=value
    settings: Sequence[str] = ()  # in place of the study's own
    store: str
    gpus: int  # of each training
    # Of each box that reads the tower or answers questions; None: one if trainings have any.
    step_gpus: int | None = None
    scheduled: bool = False  # its trainings make way for what somebody waits for


@dataclass(frozen=True)
class Shipped:
    """One of them; `inputs` maps each of its parameters to whether it may be left out."""

    name: str  # of the file, for instance layer_study
    text: str
    display_name: str
    inputs: Mapping[str, bool]
    parallelism: int | None  # settings trained at a time; None: it trains one setting

    @property
    def version(self) -> str:
        """The same text has the same name, so it is uploaded once."""
        return f"sha256-{hashlib.sha256(self.text.encode()).hexdigest()[:16]}"

    def arguments(self, order: Order) -> dict[str, object]:
        """What the pipeline is given. Settings are a parameter where it has one, and an override where not.

        Raises:
            ConfigurationError: the pipeline does not take such a study or experiment.
        """
        # Numbers as texts: an integer would never reach a pod's resource limits.
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
    """Of the pipelines, sorted."""
    return sorted(file.name.removesuffix(".yaml") for file in _FOLDER.iterdir() if file.name.endswith(".yaml"))


@lru_cache  # a file of schedules asks for each entry
def shipped(name: str, parallelism: int | None = None) -> Shipped:
    """`parallelism` settings are trained at a time, from 1; None: as many as it was compiled with.

    Raises:
        ConfigurationError: a name that is none of `names()`, or a parallelism where there is one setting.
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
        # Beside other teams' pipelines a name should say whose it is.
        display_name=f"shallowsight-{spec['pipelineInfo']['name']}",
        inputs={key: bool(about.get("isOptional")) for key, about in inputs.items()},
        parallelism=parallelism or (int(at_once[2]) if at_once else None),
    )
