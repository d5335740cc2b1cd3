"""Pictures to features, with each family's own normalisation of colours."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from shallowsight.data.shards import Shards
from shallowsight.model.encode import Encoder, PictureEncoder
from shallowsight.model.threads import threads_of
from shallowsight.model.tower.facts import describe
from shallowsight.model.tower.tower import features_of
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.stages import PictureShape


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
        each = [features_of(encoder.tower, state, vision) for state in torch.split(states[k], 1)]
        assert torch.equal(features, torch.cat(each).half().float())
        assert not features.is_inference() and not features.requires_grad
    assert not torch.equal(found[0], found[1])


@pytest.mark.parametrize("family", ["clip", "siglip", "dinov2"])
def test_a_picture_has_the_same_features_in_any_company(
    family: str, towers: dict[str, Path], small: Callable[..., Experiment]
) -> None:
    """Whatever shares its pass, wherever it stands there, and with however many threads: bit for bit on a CPU."""
    vision = small(vision__tower=str(towers[family])).vision
    encoder = PictureEncoder(vision, describe(vision.tower), 4, "stretch")
    shown = pictures(7)
    with threads_of(1):
        alone = [encoder.features(encoder.pixels([p]), [2, 4]) for p in shown]
    assert not torch.allclose(alone[0][1], alone[1][1], atol=1e-2)
    for threads, order in ((1, range(7)), (2, range(7)), (3, (6, 2, 0, 5, 2)), (8, (4, 1))):
        with threads_of(threads):
            together = encoder.features(encoder.pixels([shown[n] for n in order]), [2, 4])
            assert torch.get_num_threads() == threads
        for layer, features in enumerate(together):
            assert torch.equal(features, torch.cat([alone[n][layer] for n in order]))


def test_unaligned_pictures_are_the_same(towers: dict[str, Path], small: Callable[..., Experiment]) -> None:
    """A kernel may sum up in another order where memory begins at an odd place."""
    vision = small().vision
    encoder = PictureEncoder(vision, describe(vision.tower), 4, "stretch")
    pixels = encoder.pixels(pictures())
    odd = torch.empty(pixels.numel() + 1)[1:].view_as(pixels).copy_(pixels)
    strided = pixels.to(memory_format=torch.channels_last)
    (expected,) = encoder.features(pixels, [4])
    for other in (odd, strided):
        assert torch.equal(encoder.features(other, [4])[0], expected)


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
