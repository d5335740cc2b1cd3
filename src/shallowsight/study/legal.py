"""Whether a study's settings can be built for its tower and language model, before anything runs."""

from collections.abc import Sequence

from shallowsight.errors import ConfigurationError
from shallowsight.study.entries import entries_of
from shallowsight.study.experiment import Experiment
from shallowsight.study.fusions import FUSIONS, Form, blocks_of, require_widths
from shallowsight.study.image_tokens import image_tokens
from shallowsight.study.layers import Layers
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.settings import Setting
from shallowsight.study.words import resolve_settings


def likely_settings(texts: Sequence[str], depth: int) -> list[Setting]:
    """The settings, each once; as long as the groups are not known, evenly spread layers take their place.

    Raises:
        ValueError: a setting does not fit a tower of this depth.
    """
    return list(resolve_settings(texts, depth, groups=()))


def require_buildable(base: Experiment, setting: Setting, tower: TowerFacts, language_layers: int) -> None:
    """Check one setting.

    Raises:
        ConfigurationError: the setting cannot be built; the message says which part of it, and what is allowed.
    """
    experiment = base.at(setting, base.seed)
    tokens = image_tokens(experiment, tower)
    if tokens >= base.language.max_length:
        raise ConfigurationError(
            f"one picture is {tokens} tokens with the setting {setting}, but language.max_length is "
            f"{base.language.max_length}: raise language.max_length or vision.pool"
        )
    try:
        require_widths(setting.layers, setting.fusion, widths_of(tower, setting.layers))
        entries_of(setting.layers, setting.fusion, tower.depth, language_layers)
    except ValueError as error:
        raise ConfigurationError(f"setting {setting}: {error}") from None


def require_distinct(base: Experiment, settings: Sequence[Setting], tower: TowerFacts) -> None:
    """Refuse two settings that differ in their written form alone, such as `3,8` and `3|8`.

    Raises:
        ConfigurationError: the message names both.
    """
    found: dict[tuple[object, ...], Setting] = {}
    for setting in settings:
        first = found.setdefault(_effect(base.at(setting, base.seed), tower), setting)
        if first != setting:
            raise ConfigurationError(f"the settings {first} and {setting} are the same model in two forms; name one")


def _effect(experiment: Experiment, tower: TowerFacts) -> tuple[object, ...]:
    """What a model is made of, whatever its setting is called."""
    layers, kind = experiment.vision.layers, experiment.fusion.kind
    about = FUSIONS[kind]
    means = about.linear and about.form is not Form.INSIDE and kind != "sum"
    fused = blocks_of(layers, kind) if means else (kind, layers)
    return fused, experiment.connector.kind, image_tokens(experiment, tower)


def widths_of(tower: TowerFacts, layers: Layers) -> dict[int, int]:
    """The width of each layer that is read."""
    return {layer: tower.width_of(layer) for layer in layers.read}


def most_image_tokens(base: Experiment, settings: Sequence[Setting], tower: TowerFacts) -> int:
    """The image tokens of the setting that has the most."""
    return max(image_tokens(base.at(setting, base.seed), tower) for setting in settings)
