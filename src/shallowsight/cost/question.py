"""What it takes a finished model to read one question about a new picture."""

from shallowsight.cost.operations import forward_operations, tower_operations
from shallowsight.cost.parts.setting import parts_of
from shallowsight.cost.shapes import LanguageShape
from shallowsight.study.experiment import Experiment
from shallowsight.study.image_tokens import QUESTION_TOKENS
from shallowsight.study.resolved import TowerFacts


def question_operations(experiment: Experiment, tower: TowerFacts, language: LanguageShape) -> float:
    """Operations up to the first token of the answer; the tower runs up to the deepest layer that is read.

    Raises:
        ConfigurationError: the operations of the tower are not counted.
    """
    parts = parts_of(experiment, tower, language)
    length = parts.image_tokens + QUESTION_TOKENS
    inside = sum(piece.forward for piece in parts.inside(length))
    seen = tower_operations(tower, experiment.vision.image_size, experiment.vision.layers.deepest)
    return seen + parts.forward + inside + forward_operations(language, length, 1)
