"""What layers see in one picture."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from shallowsight.analysis.explain import main_directions, views
from shallowsight.model.encode import PictureEncoder
from shallowsight.model.tower.facts import describe
from shallowsight.study.experiment import Experiment


def test_directions_are_the_principal_components() -> None:
    patches = np.random.default_rng(0).normal(size=(36, 8)) * np.array([9, 5, 3, 1, 1, 1, 1, 1]) + 20
    brightness = np.arange(36.0)
    colors, explained = main_directions(patches, brightness)
    covariance = np.cov(patches.T)
    values, vectors = np.linalg.eigh(covariance)
    assert explained == pytest.approx(values[-3:].sum() / values.sum())
    for channel in range(3):
        along = (patches - patches.mean(axis=0)) @ vectors[:, -1 - channel]
        shown = colors[..., channel].ravel()
        assert abs(np.corrcoef(along, shown)[0, 1]) > 0.98, "the same but for cut ends"
        assert np.corrcoef(brightness, shown)[0, 1] > 0, "bright where the picture is"
    assert colors.min() == 0.0 and colors.max() == 1.0


def test_signs_do_not_depend_on_the_factorisation() -> None:
    patches = np.random.default_rng(0).normal(size=(16, 8)) * np.arange(8, 0, -1)
    for brightness in (np.arange(16.0), np.zeros(16)):
        one, _ = main_directions(patches, brightness)
        other, _ = main_directions(patches[:, ::-1].copy(), brightness)  # a rotation: equal but for rounding
        assert one == pytest.approx(other, abs=1e-9)


def test_patches_without_variance() -> None:
    colors, explained = main_directions(np.ones((4, 8)), np.zeros(4))
    assert not colors.any() and explained == 0.0


def test_views_of_a_tower(towers: dict[str, Path], small: Callable[..., Experiment]) -> None:
    vision = small(vision__tower=str(towers["clip"]), vision__image_size=56).vision
    encoder = PictureEncoder(vision, describe(vision.tower), 4, "stretch")
    pixels = torch.randn(1, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    found = views(encoder, pixels, [1, 4], (1, 2))
    assert [view.layer for view in found] == [1, 4]
    states = encoder.hidden_states(pixels)
    for view in found:
        patches = states[view.layer][0, 1:]
        expected = torch.nn.functional.cosine_similarity(patches, patches[1 * 4 + 2][None]).reshape(4, 4)
        assert view.likeness == pytest.approx(expected.numpy(), abs=1e-5) and view.likeness is not None
        assert view.likeness[1, 2] == pytest.approx(1.0)
        assert view.colors.shape == (4, 4, 3) and 0 < view.explained <= 1
    assert views(encoder, pixels, [1], None)[0].likeness is None
