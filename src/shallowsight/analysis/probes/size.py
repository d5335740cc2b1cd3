"""The amount of data and training of the probes: pictures and patches, so that they fit a disk, and updates."""

import math
from collections.abc import Sequence

from shallowsight.analysis.sample import sample
from shallowsight.study.experiment import Vision
from shallowsight.study.resolved import TowerFacts

MOST_TRAIN, MOST_TEST = 2000, 500  # pictures
FEWEST_TOKENS, MOST_TOKENS = 16, 100  # of a picture; more are averaged
MOST_BYTES = 8e9  # of the features of all layers, in half precision
BATCH = 64  # questions
_EPOCHS, _LEAST_UPDATES = 10, 200
_HALF = 2  # bytes of a number


def probed_vision(vision: Vision, facts: TowerFacts) -> Vision:
    """The study's vision, with more pooling where a picture would be more than MOST_TOKENS tokens.

    A grid that has no such divisor keeps the study's pooling, and fewer pictures fit.
    """
    side = vision.image_size // facts.patch
    if (side // vision.pool) ** 2 <= MOST_TOKENS:
        return vision
    for pool in range(2 * vision.pool, side + 1, vision.pool):
        if side % pool == 0 and FEWEST_TOKENS <= (side // pool) ** 2 <= MOST_TOKENS:
            return vision.model_copy(update={"pool": pool})
    return vision


def fitting(train: Sequence[str], test: Sequence[str], facts: TowerFacts, tokens: int) -> tuple[list[str], list[str]]:
    """The pictures to look at, evenly over the data set."""
    kept, asked = fitting_counts(len(train), len(test), facts, tokens)
    return sample(train, kept), sample(test, asked)


def fitting_counts(train: int, test: int, facts: TowerFacts, tokens: int) -> tuple[int, int]:
    """How many training and test pictures are looked at; both are cut by the same factor to fit MOST_BYTES."""
    room = int(MOST_BYTES // (facts.depth * tokens * facts.width * _HALF))
    kept, asked = min(train, MOST_TRAIN), min(test, MOST_TEST)
    factor = min(1.0, room / max(1, kept + asked))
    return int(factor * kept), int(factor * asked)


def updates_for(questions: int) -> int:
    """The updates by which a probe learns so many questions: some epochs, and more of few questions."""
    return max(_LEAST_UPDATES, _EPOCHS * math.ceil(questions / BATCH))
