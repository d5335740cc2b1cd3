"""Attentions of real, tiny towers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small_vision_models import save_small_model
from tiny import tower_facts
from torch import nn

from shallowsight.analysis.attentions import with_attentions
from shallowsight.model.tower.tower import Tower
from shallowsight.steps.lab_tower import LabTower

DEPTH = 4


def tower_of(encoder: nn.Module, family: str, deepest: int = DEPTH) -> Tower:
    tower = Tower(encoder, tower_facts(family))
    tower.cut(deepest)
    return tower


@pytest.mark.parametrize("family", ["clip", "siglip", "dinov2"])
def test_weights_of_every_layer(family: str, make_tower: Callable[[str, int], Any]) -> None:
    tower = tower_of(make_tower(family, DEPTH), family)
    pixels = torch.randn(1, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    before = tower.hidden_states(pixels)
    usual = tower.encoder.config._attn_implementation
    states, found = with_attentions(tower, pixels)
    tokens = 4 + tower.facts.prefix_tokens
    assert found is not None and [tuple(each.shape) for each in found] == [(1, 2, tokens, tokens)] * DEPTH
    assert all(torch.allclose(each.sum(-1), torch.ones(1)) for each in found)
    # The two ways to compute attention differ in rounding alone.
    assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-4) for a, b in zip(before, states, strict=True))
    assert tower.encoder.config._attn_implementation == usual and not tower.encoder.config.output_attentions
    assert all(torch.equal(a, b) for a, b in zip(before, tower.hidden_states(pixels), strict=True)), "as before"


def test_a_tower_without_its_deepest_layers(make_tower: Callable[[str, int], Any]) -> None:
    states, found = with_attentions(tower_of(make_tower("clip", DEPTH), "clip", 2), torch.zeros(1, 3, 28, 28))
    assert found is not None and len(found) == 2 and len(states) == 3


def test_a_tower_that_gives_none(make_tower: Callable[[str, int], Any]) -> None:
    class Wrapped(nn.Module):
        """No model of transformers."""

        def __init__(self) -> None:
            super().__init__()
            self.inside = make_tower("dinov2", DEPTH)
            self.layers = self.inside.encoder.layer

        def forward(self, pixel_values: torch.Tensor, output_hidden_states: bool) -> Any:
            return self.inside(pixel_values, output_hidden_states=output_hidden_states)

    states, found = with_attentions(tower_of(Wrapped(), "dinov2"), torch.zeros(1, 3, 28, 28))
    assert found is None and len(states) == DEPTH + 1


@pytest.mark.parametrize("family", ["data2vec-vision", "convnext"])
def test_a_family_that_shows_none(family: str, tmp_path: Path) -> None:
    """data2vec-vision has only one way to compute attention, which has no weights to show."""
    lab_tower = LabTower(str(save_small_model(family, tmp_path)), None, usual_size=64)
    tower = lab_tower.encoder(facts := lab_tower.facts(), facts.depth).tower
    states, found = with_attentions(tower, torch.zeros(1, 3, 64, 64))
    assert found is None and len(states) == facts.depth + 1
