"""Find the tower of a trained model again."""

from shallowsight.errors import ConfigurationError
from shallowsight.model.checkpoint import IN_A_FOLDER
from shallowsight.model.tower.facts import describe
from shallowsight.study.experiment import Vision
from shallowsight.study.resolved import TowerFacts


def located_vision(vision: Vision, facts: TowerFacts, tower: str, how: str) -> Vision:
    """A checkpoint's vision settings with its tower's place.

    Args:
        tower: the tower's folder, if the checkpoint's tower was in a folder; else empty.
        how: the way in which a user names the folder, for messages.

    Raises:
        ConfigurationError: the tower has no known place, or other weights than the checkpoint's tower.
    """
    if tower:
        vision = vision.model_copy(update={"tower": tower})
    elif vision.tower == IN_A_FOLDER:
        raise ConfigurationError(f"this checkpoint's tower was in a folder; name it: {how}")
    found = describe(vision.tower, vision.revision, vision.prefix_tokens, vision.patch)
    if found.digest != facts.digest:
        raise ConfigurationError(
            f"tower {vision.tower!r} has other weights ({found.digest}) than this checkpoint's tower ({facts.digest})"
        )
    return vision
