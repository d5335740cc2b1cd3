"""Load a tower from its files, and check that it gives the hidden states that its facts promise.

Shapes: B images, C channels, H W pixels, N patches, D vision width.
"""

import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from shallowsight.errors import ConfigurationError
from shallowsight.model.files.loaded import require_all_weights
from shallowsight.model.files.pinned import files_of
from shallowsight.model.tower import dinov2
from shallowsight.model.tower.facts import KEY
from shallowsight.model.tower.families import ALONE, UNKNOWN, WITHIN, family_of
from shallowsight.model.tower.tower import Tower
from shallowsight.study.counts import counted
from shallowsight.study.experiment import EMBEDDED_TOWER, Vision
from shallowsight.study.resolved import TowerFacts

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

log = logging.getLogger(__name__)


def load_tower(vision: Vision, facts: TowerFacts, deepest: int) -> Tower:
    """The tower on the CPU, in fp32, cut at the deepest layer in use.

    Raises:
        ConfigurationError: the files changed since they were pinned or are not all of its weights, or the model does
            not give the hidden states that its facts promise.
    """
    tower = Tower(load_encoder(vision.tower, vision.revision), facts)
    pixels = _trial(facts, vision.image_size)
    states = _states(tower, pixels)
    _require_as_promised(facts, states, pixels.shape[-1])
    removed = tower.cut(deepest)
    if family_of(facts.family) is UNKNOWN and not _same(tower, pixels, states[: deepest + 1]):
        if tower.blocks is not None:
            tower.blocks.extend(removed)
        removed = []
    if not removed and deepest < facts.depth:
        log.info("%s runs whole: its layers above %d cannot be removed", facts.name, deepest)
    return tower


def load_encoder(tower: str, revision: str | None = None) -> nn.Module:
    """The vision model in fp32, all layers, whose `hidden_states[k]` is the output of layer k.

    Raises:
        ConfigurationError: the tower's files changed since `revision` was pinned, are not all of its weights, or hold
            no model that transformers can load from its configuration.
    """
    from transformers import AutoConfig

    if tower == EMBEDDED_TOWER:
        embedded: nn.Module = dinov2.load_dinov2_small()
        return embedded
    files = files_of(KEY, tower, revision)
    try:
        config = AutoConfig.from_pretrained(files.place, revision=files.revision)
        model, found = _class_for(config).from_pretrained(
            files.place,
            revision=files.revision,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refused below, with names and shapes
        )
    except ValueError as error:
        raise ConfigurationError(f"{KEY}: transformers cannot load {tower!r}: {error}") from error
    require_all_weights(KEY, tower, found)
    encoder: nn.Module = model.vision_model if config.model_type in WITHIN else model
    _settle(encoder)
    return encoder


def _class_for(config: "PreTrainedConfig") -> Any:
    """Of the vision model alone, where transformers has a class for it."""
    from transformers import MODEL_MAPPING, AutoModel

    return MODEL_MAPPING[type(config.vision_config)] if config.model_type in ALONE else AutoModel


def _settle(encoder: nn.Module) -> None:
    """Configure what is computed, not how: the last hidden state before the last norm, and no patch left out."""
    config: Any = encoder.config
    config.tie_last_hidden_states = False
    if family_of(config.model_type).reads == "all_patches":
        config.mask_ratio = 0.0


def _trial(facts: TowerFacts, image_size: int) -> Tensor:
    """A picture [1, 3, H, W], as small as the tower can take."""
    unit = math.lcm(facts.patch, facts.stride or 1)
    side = facts.only_size or (image_size if family_of(facts.family) is UNKNOWN else 2 * unit)
    return torch.sin(torch.arange(3 * side * side) * 0.37).reshape(1, 3, side, side)


def _states(tower: Tower, pixels: Tensor) -> tuple[Tensor, ...]:
    try:
        return tower.hidden_states(pixels)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{KEY}: {tower.facts.name}, a {tower.facts.family!r} model, gives no hidden states for a picture of "
            f"{pixels.shape[-1]} pixels: {type(error).__name__}: {error}; name a vision model that takes pixel_values "
            "alone"
        ) from error


def _require_as_promised(facts: TowerFacts, states: Sequence[Tensor], side: int) -> None:
    who, patches = f"{KEY}: {facts.name}, a {facts.family!r} model,", (side // facts.patch) ** 2
    if len(states) != facts.depth + 1:
        raise ConfigurationError(
            f"{who} gives {len(states)} hidden states, but its config.json says {counted(facts.depth, 'layer')}: "
            f"{facts.depth + 1} are needed, of the embeddings and of each layer"
        )
    for k, state in enumerate(states[1:], start=1):
        expected = (1, facts.prefix_tokens + patches, facts.width_of(k))
        if state.shape == expected:
            continue
        more = state.shape[1] - patches if state.ndim == 3 else -1
        mend = (
            f"; if it has {counted(more, 'token')} before the patches, set vision.prefix_tokens={more}"
            if more >= 0
            else ""
        )
        raise ConfigurationError(
            f"{who} gives hidden states {tuple(state.shape)} at layer {k} for one picture of {side} pixels; expected "
            f"are {expected}: {counted(facts.prefix_tokens, 'token')} before the patches, {patches} patches of "
            f"{facts.patch} pixels, width {facts.width_of(k)}{mend}"
        )


def _same(tower: Tower, pixels: Tensor, expected: Sequence[Tensor]) -> bool:
    """Whether the cut tower still gives the hidden states of the whole one, but for rounding."""
    try:
        found = tower.hidden_states(pixels)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
        return False
    pairs = zip(found, expected, strict=False)
    return len(found) == len(expected) and all(torch.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in pairs)
