"""How many tokens of the language model a picture takes, in each setting."""

from math import isqrt

from shallowsight.errors import ConfigurationError
from shallowsight.study.connectors import Connector
from shallowsight.study.experiment import Experiment, Vision
from shallowsight.study.fusions import FUSIONS, fused_tokens
from shallowsight.study.resolved import TowerFacts

QUESTION_TOKENS = 64  # of the text of one question, where its cost is counted; the same for all studies


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
    vision, fusion, connector = experiment.vision, experiment.fusion.kind, experiment.connector
    patches = feature_tokens(tower, vision)
    try:
        _require_square(vision, fusion, connector)
        fused = fused_tokens(vision.layers, fusion, patches)
        # What a fusion appends may make the number of a square, but no square.
        squared = connector.about.grid or (connector.matrices is None and isqrt(fused) ** 2 == fused)
        if fused != patches and squared:
            raise ValueError(
                f"the {fused} vectors of fusion {fusion} are no square of patches, but connector {connector.kind} "
                "takes them for one; use another connector, such as linear"
            )
        return connector.tokens_of(fused)
    except ValueError as error:
        raise ConfigurationError(f"setting {experiment.setting}: {error}") from None


def _require_square(vision: Vision, fusion: str, connector: Connector) -> None:
    needs = f"fusion {fusion}" if FUSIONS[fusion].grid else f"connector {connector}" if connector.about.grid else ""
    if vision.features == "cls_patch" and needs:
        raise ValueError(
            f"vision.features=cls_patch puts a class token in front of the patches, but {needs} needs them as a "
            "square; use vision.features=patch"
        )
