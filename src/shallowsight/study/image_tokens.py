"""How many tokens of the language model a picture takes, in each setting."""

from shallowsight.errors import ConfigurationError
from shallowsight.study.experiment import Experiment, Vision
from shallowsight.study.fusions import fused_tokens
from shallowsight.study.resolved import TowerFacts


def feature_tokens(tower: TowerFacts, vision: Vision) -> int:
    """The patch vectors of a picture in each layer, as a fusion takes them.

    Raises:
        ConfigurationError: the picture's size does not fit the tower's patches.
    """
    return tower.tokens(vision.image_size, vision.pool, vision.features)


def image_tokens(experiment: Experiment, tower: TowerFacts) -> int:
    """The image tokens of a picture, after fusion and connector.

    Raises:
        ConfigurationError: fusion or connector cannot make them.
    """
    patches, connector = feature_tokens(tower, experiment.vision), experiment.connector
    try:
        fused = fused_tokens(experiment.vision.layers, experiment.fusion.kind, patches)
        # What a fusion appends may make the number of a square, but no square.
        if fused != patches and connector.about.grid:
            raise ValueError(f"connector {connector.kind} needs the patch vectors as a square; use another connector")
        return connector.tokens_of(fused)
    except ValueError as error:
        raise ConfigurationError(f"setting {experiment.setting}: {error}") from None
