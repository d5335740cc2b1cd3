"""The cut tower says what the whole one says, and its features are what the words of the configuration promise."""

import copy
from collections.abc import Callable

import pytest
import torch
from tiny import tower_facts
from torch import Tensor, nn

from shallowsight.errors import ConfigurationError
from shallowsight.model.tower.tower import Tower, features_of
from shallowsight.study.experiment import Vision

DEPTH = 4
MakeTower = Callable[[str, int], nn.Module]
CASES = [
    pytest.param(family, layer, id=f"{family}, layer {layer}")
    for family in ("clip", "siglip", "dinov2")
    for layer in range(1, DEPTH + 1)
]
HAS_CLASS_TOKEN = {"clip": True, "siglip": False, "dinov2": True}


def cut(make_tower: MakeTower, family: str, layer: int) -> Tower:
    tower = Tower(make_tower(family, DEPTH), tower_facts(family, DEPTH))
    tower.cut(layer)
    return tower


def blocks(encoder: nn.Module) -> nn.ModuleList:
    (found,) = [m for name, m in encoder.named_modules() if name.endswith(("encoder.layer", "encoder.layers"))]
    assert isinstance(found, nn.ModuleList)
    return found


def outputs_of_blocks(encoder: nn.Module, pixels: Tensor) -> list[Tensor]:
    """By hooks: what each block really returns."""
    found: list[Tensor] = []
    for block in blocks(encoder):
        block.register_forward_hook(lambda _, __, out: found.append(out[0] if isinstance(out, tuple) else out))
    with torch.inference_mode():
        encoder(pixels)
    return found


def pixels(side: int = 28) -> Tensor:
    return torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("family", "layer"), CASES)
def test_a_cut_tower_says_what_the_whole_one_says(make_tower: MakeTower, family: str, layer: int) -> None:
    whole = make_tower(family, DEPTH)
    expected = outputs_of_blocks(whole, pixels())
    tower = cut(make_tower, family, layer)
    assert len(blocks(tower.encoder)) == layer
    states = tower.hidden_states(pixels())
    assert len(states) == layer + 1, "[0] is the embeddings"
    for k in range(1, layer + 1):
        assert torch.equal(states[k], expected[k - 1]), f"layer {k}"
    assert states[layer].abs().max() > 0 and not torch.equal(states[layer], states[layer - 1])


@pytest.mark.parametrize("family", ["clip", "siglip", "dinov2"])
@pytest.mark.parametrize("layer", [5, 24])
def test_too_deep(make_tower: MakeTower, family: str, layer: int) -> None:
    with pytest.raises(ConfigurationError, match=f"asked for layer {layer}, the tower has layers 1 to 4"):
        cut(make_tower, family, layer)


def test_is_frozen(make_tower: MakeTower) -> None:
    tower = cut(make_tower, "clip", 2)
    assert not tower.encoder.training and not any(p.requires_grad for p in tower.parameters())


@pytest.mark.parametrize("family", ["clip", "siglip", "dinov2"])
def test_other_image_sizes(make_tower: MakeTower, family: str) -> None:
    tower = cut(make_tower, family, 2)
    patches = tower.patches(tower.hidden_states(pixels(56))[2])
    assert patches.shape == (3, 16, 32)


@pytest.mark.parametrize("family", ["clip", "siglip", "dinov2"])
def test_the_class_token_is_no_patch(make_tower: MakeTower, family: str) -> None:
    tower = cut(make_tower, family, 2)
    state = tower.hidden_states(pixels())[2]
    patches = tower.patches(state)
    assert patches.shape == (3, 4, 32)
    assert torch.equal(patches, state[:, -4:])
    assert state.shape[1] == 4 + HAS_CLASS_TOKEN[family]


def naive(state: Tensor, vision: Vision, has_class_token: bool) -> Tensor:
    """Vector by vector, in double precision."""
    state = state.double().clone()
    B, T, _ = state.shape
    if vision.normalize:
        for b in range(B):
            for t in range(T):
                v = state[b, t]
                state[b, t] = (v - v.mean()) / (v.var(unbiased=False) + 1e-5).sqrt()
    first = int(has_class_token)
    G, p = round((T - first) ** 0.5), vision.pool
    rows = []
    for y in range(0, G, p):
        for x in range(0, G, p):
            near = [state[:, first + (y + j) * G + x + i] for j in range(p) for i in range(p)]
            rows.append(torch.stack(near).mean(dim=0))
    if vision.features == "cls_patch":
        rows.insert(0, state[:, 0])
    return torch.stack(rows, dim=1)


@pytest.mark.parametrize("normalize", [True, False], ids=["normalised", "raw"])
@pytest.mark.parametrize("pool", [1, 2, 4])
@pytest.mark.parametrize(
    ("features", "has_class_token"), [("patch", True), ("patch", False), ("cls_patch", True)], ids=str
)
def test_features_are_the_naive_ones(
    make_tower: MakeTower, normalize: bool, pool: int, features: str, has_class_token: bool
) -> None:
    vision = Vision.model_validate({"normalize": normalize, "pool": pool, "features": features, "tower": "t"})
    tower = cut(make_tower, "clip" if has_class_token else "siglip", 1)
    state = torch.randn(2, 16 + has_class_token, 8, generator=torch.Generator().manual_seed(2)) * 3 + 1
    before = copy.deepcopy(state)
    found = features_of(tower, state, vision)
    assert found.shape == (2, 16 // pool**2 + (features == "cls_patch"), 8)
    torch.testing.assert_close(found.double(), naive(state, vision, has_class_token), atol=1e-5, rtol=1e-5)
    assert torch.equal(state, before)


def test_no_class_token_to_keep(make_tower: MakeTower) -> None:
    vision = Vision(tower="google/siglip", features="cls_patch")
    with pytest.raises(
        ConfigurationError, match=r"vision\.features=cls_patch, but google/siglip has no class token; use"
    ):
        features_of(cut(make_tower, "siglip", 1), torch.zeros(1, 4, 8), vision)
