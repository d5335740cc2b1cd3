"""The score of one answer, from 0 to 1."""

from collections.abc import Sequence
from dataclasses import dataclass

from shallowsight.data.boxes import only_box, overlap
from shallowsight.data.true_answers import IOU, VQA
from shallowsight.evaluate.matching.answers import is_correct
from shallowsight.evaluate.matching.texts import same_text

_FULL = 3  # people who gave an answer that is wholly right


@dataclass(frozen=True)
class TrueAnswer:
    """A true answer, and the form of it that the model's tokenizer can produce, if there is one."""

    text: str
    sayable: str | None

    def said_by(self, prediction: str) -> bool:
        """Whether the prediction is this answer. The tokenizer's form counts letter by letter, not by its meaning."""
        return is_correct(prediction, self.text) or (self.sayable is not None and same_text(prediction, self.sayable))


def score(kind: str, prediction: str, answer: TrueAnswer, accepted: Sequence[TrueAnswer]) -> float:
    """The score of a prediction: 0 or 1 for the kind `exact`, a share for `vqa` and `iou`."""
    if kind == VQA:
        return _vqa(sum(other.said_by(prediction) for other in accepted), len(accepted))
    if kind == IOU:
        return _iou(prediction, [answer.text, *(other.text for other in accepted)])
    return int(any(true.said_by(prediction) for true in (answer, *accepted)))


def _vqa(matches: int, people: int) -> float:
    """VQA accuracy (Antol et al. 2015, visualqa.org/evaluation): min(1, matches / 3), as a mean over leaving out each.

    Each person's answer is left out in turn, and the prediction is compared with those of the others.
    """
    without_a_match = matches * min(1.0, (matches - 1) / _FULL)  # one of those who gave the answer is left out
    return (without_a_match + (people - matches) * min(1.0, matches / _FULL)) / people


def _iou(prediction: str, targets: Sequence[str]) -> float:
    """Intersection over union with the nearest true box; 0 for a prediction that is not one box."""
    said = only_box(prediction)
    boxes = [box for box in map(only_box, targets) if box is not None]
    return max(overlap(said, box) for box in boxes) if said else 0.0
