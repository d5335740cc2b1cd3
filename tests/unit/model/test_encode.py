"""Pictures to features, with each family's own normalisation of colours."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from shallowsight.assets.towers import TowerFacts, describe
from shallowsight.config import Experiment, PictureShape
from shallowsight.data.shards import Shards
from shallowsight.model.encode import Encoder, PictureEncoder
from shallowsight.model.tower import features_of


def pictures(count: int = 3, side: int = 40) -> list[Image.Image]:
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8)) for _ in range(count)]


@pytest.mark.parametrize("family", ["clip", "siglip", "dinov2"])
def test_features_of_pictures(family: str, towers: dict[str, Path], small: Callable[..., Experiment]) -> None:
    vision = small(vision__tower=str(towers[family])).vision
    facts = describe(vision.tower)
    encoder = PictureEncoder(vision, facts, 3, "stretch")
    pixels = encoder.pixels(pictures())
    assert pixels.shape == (3, 3, 28, 28)
    states = encoder.hidden_states(pixels)
    assert len(states) == 4
    found = encoder.features(pixels, [1, 3])
    for k, features in zip([1, 3], found, strict=True):
        assert features.shape == (3, facts.tokens(28, 1, "patch"), facts.width)
        assert torch.equal(features, features_of(encoder.tower, states[k], vision).half().float())
        assert not features.is_inference() and not features.requires_grad
    assert not torch.equal(found[0], found[1])


def test_pictures_do_not_influence_each_other(towers: dict[str, Path], small: Callable[..., Experiment]) -> None:
    vision = small().vision
    encoder = PictureEncoder(vision, describe(vision.tower), 4, "stretch")
    (together,) = encoder.features(encoder.pixels(pictures()), [4])
    alone = torch.cat([encoder.features(encoder.pixels([p]), [4])[0] for p in pictures()])
    torch.testing.assert_close(together, alone, atol=2e-3, rtol=2e-3)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


@pytest.mark.parametrize(("shape", "seen"), [("stretch", True), ("pad", True), ("crop", False)])
def test_how_much_of_the_picture_is_seen(
    shape: PictureShape, seen: bool, towers: dict[str, Path], small: Callable[..., Experiment]
) -> None:
    """A mark in the corner of a wide picture counts unless the middle alone is cut out."""
    vision = small().vision
    encoder = PictureEncoder(vision, describe(vision.tower), 1, shape)
    plain = np.full((30, 90, 3), 128, np.uint8)
    marked = plain.copy()
    marked[:, :20] = 255
    a, b = (encoder.features(encoder.pixels([Image.fromarray(p)]), [1])[0] for p in (plain, marked))
    assert bool((a - b).abs().max() > 0.05) is seen


def test_pictures_of_a_data_set_by_their_keys(prepared: Any, facts: TowerFacts) -> None:
    shards = Shards(prepared.folder)
    pictured = PictureEncoder(prepared.experiment.vision, facts, 3, "crop")
    encoder = Encoder(pictured, shards)
    keys = list(shards.keys())[3:0:-1]
    pixels = pictured.pixels([shards.image(key) for key in keys])
    assert torch.equal(encoder.pixels(keys), pixels)
    (features,) = encoder.features(keys, [3])
    assert torch.equal(features, pictured.features(pixels, [3])[0])
    for a, b in zip(encoder.hidden_states(keys), pictured.hidden_states(pixels), strict=True):
        assert torch.equal(a, b)
