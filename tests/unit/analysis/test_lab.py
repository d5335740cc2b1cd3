"""The analysis without a study over hidden states that are made up."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from shallowsight.analysis.lab import Lab
from shallowsight.analysis.measures.kinds import find_kinds
from shallowsight.errors import ConfigurationError, ShallowsightError
from shallowsight.model.encode import PictureEncoder
from shallowsight.model.tower.facts import describe
from shallowsight.study.experiment import Experiment

LAYERS, PATCHES = 12, 4


class Turning(PictureEncoder):
    """A tower whose vectors turn by a small angle from layer to layer, and by a large one after layer 6."""

    def hidden_states(self, pixels_BCHW: Tensor) -> tuple[Tensor, ...]:
        angles = 0.2 * torch.tensor([0.0, 0.0, *[1.0, 0.9, 1.1, 1.0, 0.9], 6.0, *[1.1, 1.0, 0.9, 1.0, 1.1]]).cumsum(0)
        one, other = pixels_BCHW.reshape(len(pixels_BCHW), 2, 1 + PATCHES, 32).unbind(1)
        return tuple(angle.cos() * one + angle.sin() * other for angle in angles)


@pytest.fixture
def encoder(towers: dict[str, Path], small: Callable[..., Experiment]) -> Turning:
    vision = small(vision__tower=str(towers["clip"])).vision
    return Turning(vision, describe(vision.tower), 4, "stretch")


def looked_at(encoder: PictureEncoder, count: int, measures: list[str]) -> Lab:
    lab = Lab(encoder, find_kinds(measures))
    generator = torch.Generator().manual_seed(0)
    for first in range(0, count, 16):
        size = min(16, count - first)
        lab.add([f"{first + n}.png" for n in range(size)], torch.randn(size, 2, 1 + PATCHES, 32, generator=generator))
    return lab


def test_groups_take_a_sample_and_measures_take_all(encoder: Turning) -> None:
    lab = looked_at(encoder, 250, ["norms", "cosine_class"])
    found = lab.found(groups=None)
    assert lab.pictures == 250 and found["images"] == 208
    assert {name: each["pictures"] for name, each in found["measures"].items()} == {"cosine_class": 250, "norms": 250}
    assert [group["layers"][-1] for group in found["groups"]] == [6, 12]
    assert found["boundaries"][0]["stability"] == 1.0 and found["transition_layers"] == []
    assert found["places"] == [{"after": 6, "places": {"6": 1.0}, "interval": (6, 6), "transition": ()}]
    assert found["neighbours"][5]["cosine"] < 0.5 < found["neighbours"][4]["cosine"]


def test_groups_that_are_asked_for(encoder: Turning) -> None:
    found = looked_at(encoder, 24, ["norms"]).found(groups=2)
    assert [group["name"] for group in found["groups"]] == ["shallow", "deep"]
    assert found["boundaries"] == [{"after": 6, "stability": 1.0}]
    assert found["evidence_of_the_test"]["groups"] == 2 and "evidence" not in found
    with pytest.raises(ConfigurationError, match="groups=6: allowed are 2 to 5"):
        looked_at(encoder, 24, ["norms"]).found(groups=6)


def test_hidden_states_that_are_not_finite(encoder: Turning) -> None:
    lab = looked_at(encoder, 24, ["cosine_patch", "cka_rbf", "effective_rank", "mutual_knn", "procrustes"])
    pixels = torch.zeros(2, 2, 1 + PATCHES, 32)
    pixels[1, 0, 3, 4] = float("nan")
    with pytest.raises(ShallowsightError, match=r"^b.png: the tower's hidden states hold values that are no finite"):
        lab.add(["a.png", "b.png"], pixels)
