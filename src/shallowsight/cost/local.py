"""The cost of the rest of a study on this machine: the seconds of its steps, one after the other or in parallel."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shallowsight.analysis.sample import ANALYSIS_IMAGES
from shallowsight.cost.caching import layer_bytes
from shallowsight.cost.machines import Machine, Span
from shallowsight.cost.operations import answer_operations, public_operations, tower_operations
from shallowsight.cost.probing import probe_seconds
from shallowsight.cost.subject import Subject, Task
from shallowsight.study.settings import Setting
from shallowsight.study.stages import STAGES, StageName

# Seconds, measured on two cores of a Xeon: until a step's process starts to work, and for the import of its packages,
# which counts in the time of the step's first cell.
_PROCESS = 2.2
_IMPORTS = {
    "prepare": 3.0,
    "analyze": 4.0,
    "probe": 4.0,
    "encode": 4.0,
    "pretrain": 5.0,
    "finetune": 5.0,
    "evaluate": 4.5,
}
_LIGHT_BOXES = 8.0  # for the steps that only plan and report
_EVALUATION = 1.5  # of lmms-eval for one model, without the answers
_STAGE = 0.4  # of a stage without its updates: encoding the texts, building and saving the model
_PER_IMAGE = 0.005  # for making or checking, and packing, one picture
_MEMBER = (*STAGES, "evaluate")


@dataclass(frozen=True)
class Forecast:
    """Seconds of wall time, low and high, and bytes of features on disk."""

    low: float
    high: float
    storage: float


def forecast(subject: Subject, missing: Sequence[Task], machine: Machine) -> Forecast:
    """The forecast for the missing tasks."""
    if not missing:
        return Forecast(0.0, 0.0, 0.0)
    whole = _fixed(_LIGHT_BOXES)
    for task in missing:
        if task.step in {"prepare", "analyze", "probe"}:
            whole += _fixed(_PROCESS + _IMPORTS[task.step]) + work_seconds(subject, task, machine)
    encoded = [task for task in missing if task.step == "encode"]
    if encoded:
        # One pass over the pictures encodes all layers, so only the deepest counts.
        deepest = max(encoded, key=_layer)
        whole += _fixed(_PROCESS + _IMPORTS["encode"]) + work_seconds(subject, deepest, machine)
    whole += _members_seconds(subject, [task for task in missing if task.step in _MEMBER], machine)
    return Forecast(whole.low, whole.high, features_bytes(subject, missing))


def _members_seconds(subject: Subject, tasks: Sequence[Task], machine: Machine) -> Span:
    """The time of settings in parallel: their sum divided by the overlap, but at least that of the longest setting."""
    chains: dict[str | None, Span] = {}
    for task in tasks:
        chains[task.setting] = chains.get(task.setting, Span(0.0, 0.0)) + work_seconds(subject, task, machine)
    for step, setting in {(task.step, task.setting) for task in tasks}:  # one step makes the cells of all seeds
        chains[setting] += _fixed(_PROCESS + _IMPORTS[step])
    shared = sum(chains.values(), Span(0.0, 0.0)) * (1 / machine.overlap)
    longest = max(chains.values(), key=lambda span: span.high, default=shared)
    return shared if shared.high > longest.high else longest


def work_seconds(subject: Subject, task: Task, machine: Machine) -> Span:
    """The time of one task, without the start and the imports of its process."""
    size = subject.base.vision.image_size
    match task.step:
        case "prepare":
            return _fixed(_PER_IMAGE * subject.images)
        case "analyze":
            return machine.look(ANALYSIS_IMAGES * tower_operations(subject.tower, size, subject.tower.depth))
        case "probe":
            return probe_seconds(subject, machine)
        case "encode":
            return machine.look(subject.images * tower_operations(subject.tower, size, _layer(task)))
        case "evaluate":
            setting = Setting.parse(str(task.setting))
            own = subject.questions * answer_operations(subject, setting)
            public = subject.public_rows * public_operations(subject, setting) if subject.public_rows else 0.0
            return machine.answer(own + public) + _fixed(_EVALUATION)
    stage: StageName = "pretrain" if task.step == "pretrain" else "finetune"
    return machine.train(subject, Setting.parse(str(task.setting)), stage) + _fixed(_STAGE)


def cell_seconds(subject: Subject, task: Task, machine: Machine, *, first: bool) -> Span:
    """The time that a cell's record will have; for the `first` cell of a step it includes the imports."""
    return work_seconds(subject, task, machine) + _fixed(_IMPORTS[task.step] if first else 0.0)


def features_bytes(subject: Subject, tasks: Iterable[Task]) -> float:
    """The bytes of the features that the tasks cache."""
    encoded = (_layer(task) for task in tasks if task.step == "encode")
    return sum(layer_bytes(subject.tower, layer, subject.patches, subject.images) for layer in encoded)


def _layer(task: Task) -> int:
    return int(str(task.setting).removeprefix("layer "))


def _fixed(seconds: float) -> Span:
    return Span(seconds, seconds)
