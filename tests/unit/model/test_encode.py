"""Pictures to features, with each family's own normalisation of colours."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from shallowsight.assets.towers import describe
from shallowsight.config import Experiment
from shallowsight.model.encode import PictureEncoder
from shallowsight.model.tower import features_of


def pictures(count: int = 3, side: int = 40) -> list[Image.Image]:
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8)) for _ in range(count)]


@pytest.mark.parametrize("family", ["clip", "siglip", "dinov2"])
def test_features_of_pictures(family: str, towers: dict[str, Path], small: Callable[..., Experiment]) -> None:
    vision = small(vision__tower=str(towers[family])).vision
    facts = describe(vision.tower)
    encoder = PictureEncoder(vision, facts, deepest=3)
    states = encoder.hidden_states(pictures())
    assert len(states) == 4
    found = encoder.features(pictures(), [1, 3])
    for k, features in zip([1, 3], found, strict=True):
        assert features.shape == (3, facts.tokens(28, 1, "patch"), facts.width)
        assert torch.equal(features, features_of(encoder.tower, states[k], vision).half().float())
        assert not features.is_inference() and not features.requires_grad
    assert not torch.equal(found[0], found[1])


def test_pictures_do_not_influence_each_other(towers: dict[str, Path], small: Callable[..., Experiment]) -> None:
    vision = small().vision
    encoder = PictureEncoder(vision, describe(vision.tower), deepest=4)
    (together,) = encoder.features(pictures(), [4])
    alone = torch.cat([encoder.features([p], [4])[0] for p in pictures()])
    torch.testing.assert_close(together, alone, atol=2e-3, rtol=2e-3)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_the_whole_picture_is_seen(towers: dict[str, Path], small: Callable[..., Experiment]) -> None:
    """Resized, not cropped: a mark in the corner of a wide picture counts."""
    vision = small().vision
    encoder = PictureEncoder(vision, describe(vision.tower), deepest=1)
    plain = np.full((30, 90, 3), 128, np.uint8)
    marked = plain.copy()
    marked[:, :20] = 255
    a, b = (encoder.features([Image.fromarray(p)], [1])[0] for p in (plain, marked))
    assert (a - b).abs().max() > 0.05
