"""What the optimizer keeps of every parameter, and what Muon computes beside the passes."""

from collections.abc import Iterator

from shallowsight.cost.subject import Subject
from shallowsight.study.settings import Setting
from shallowsight.study.stages import StageName

_ITERATIONS = 5  # of Newton-Schulz, as in train/muon.py


def moments(subject: Subject, setting: Setting, stage: StageName, trained: int) -> int:
    """Numbers that the optimizer keeps of `trained` parameters: AdamW two of each, Muon one of each in a matrix."""
    if subject.base.stage(stage).optimizer == "adamw":
        return 2 * trained
    return 2 * trained - sum(a * b for a, b in _matrices(subject, setting, stage))


def update_operations(subject: Subject, setting: Setting, stage: StageName) -> float:
    """The operations of one update by Muon, a multiply-add as two; 0 for AdamW, which takes few for each parameter.

    They do not grow with the batch: for the demo's small batches they are two fifths of what the passes need, for usual
    batches of large models almost nothing. They count in times, not in a model's FLOPs and MFU.
    """
    if subject.base.stage(stage).optimizer == "adamw":
        return 0.0
    sides = [sorted(each) for each in _matrices(subject, setting, stage)]
    return sum(_ITERATIONS * 2 * (2 * small**2 * large + small**3) for small, large in sides)


def _matrices(subject: Subject, setting: Setting, stage: StageName) -> Iterator[tuple[int, int]]:
    """(in, out) of the matrices that a stage trains with Muon."""
    language = subject.language
    yield from subject.parts(setting).sides
    if stage == "finetune":
        rank = subject.base.finetune.lora.rank
        for a, b in language.layers * language.linear_sides:
            yield from ((a, rank), (rank, b)) if rank else ((a, b),)
