"""Fusions against their formulas in float64."""

from collections.abc import Callable, Sequence

import fusion_references as references
import numpy as np
import pytest
import torch
from fusion_references import Array, Weights
from torch import nn

from shallowsight.model.fusion.deformable_attention import DeformableAttention
from shallowsight.model.fusion.kinds import FUSIONS
from shallowsight.study.layers import Layers

# Sums of some hundred float32 numbers of size 1, whose epsilon is 1.2e-7: about 1e-6.
TOLERANCE = 1e-5


def randomised(module: nn.Module, seed: int = 0) -> Weights:
    """Give every parameter random numbers, none of which is at a special place; the same in float64."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            fan = parameter.shape[-1] if parameter.ndim > 1 else 1
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / fan**0.5)
            if "offsets" in name:  # up to some patches, so that many points are outside of the picture
                parameter.mul_(1.5)
    return {name: p.detach().double().numpy() for name, p in module.named_parameters()}


Reference = Callable[[Sequence[Array], Weights], Array]


@pytest.mark.parametrize("scale", [3.0, 0.003], ids=["large", "small enough for a norm's epsilon"])
@pytest.mark.parametrize(
    ("kind", "text", "patches", "width", "reference"),
    [
        pytest.param(
            "scalar-mix", "2-5", 5, 8, lambda x, w: references.scalar_mix(x, w["weights"], w["scale"][0]), id="mix"
        ),
        pytest.param(
            "scalar-mix-norm",
            "2-5",
            5,
            8,
            lambda x, w: references.scalar_mix_norm(x, w["weights"], w["scale"][0]),
            id="mix of normalised",
        ),
        pytest.param(
            "concat-norm",
            "1,3,6",
            5,
            8,
            lambda x, w: references.concat_norm(x, w["norm.weight"], w["norm.bias"]),
            id="concat-norm",
        ),
        pytest.param("sti", "1,3,5", 16, 8, lambda x, _: references.sti(x), id="sti"),
        pytest.param("sti", "1,3,5", 25, 8, lambda x, _: references.sti(x), id="sti with a rest"),
        pytest.param("sci", "1,3,5", 5, 8, lambda x, _: references.sci(x), id="sci"),
        pytest.param("dci", "1-4", 5, 8, lambda x, _: references.dci(x), id="dci"),
        pytest.param("dci", "1-5", 5, 8, lambda x, _: references.dci(x), id="dci of an odd number"),
        pytest.param("mmfuser", "1,4", 9, 32, lambda x, w: references.mmfuser(x, w, 1), id="mmfuser, one level"),
        pytest.param("mmfuser", "1,3,4,6", 16, 128, lambda x, w: references.mmfuser(x, w, 2), id="mmfuser"),
        pytest.param("mmfuser", "5,5,5", 4, 192, lambda x, w: references.mmfuser(x, w, 3), id="a control of mmfuser"),
    ],
)
def test_formula(kind: str, text: str, patches: int, width: int, reference: Reference, scale: float) -> None:
    layers = Layers.parse(text)
    fusion = FUSIONS[kind](kind, layers, dict.fromkeys(layers.read, width))
    weights = randomised(fusion)
    features = {
        k: scale * (1 + torch.randn(2, patches, width, generator=torch.Generator().manual_seed(k))) for k in layers.read
    }
    expected = reference([features[k].double().numpy() for k in layers.indices], weights)
    np.testing.assert_allclose(fusion(features).detach().numpy(), expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("side", "width", "heads", "levels"),
    [(1, 4, 1, 1), (2, 6, 3, 2), (3, 8, 4, 3), (5, 8, 2, 1)],
    ids=["one patch", "two levels", "three levels", "one level"],
)
def test_deformable_attention(side: int, width: int, heads: int, levels: int) -> None:
    attention = DeformableAttention(width, heads, levels)
    weights = randomised(attention)
    torch.manual_seed(1)
    queries, values = torch.randn(2, side * side, width), torch.randn(2, levels, side * side, width)
    expected = references.deformable_attention(
        queries.double().numpy(), [values[:, level].double().numpy() for level in range(levels)], weights, heads, 4
    )
    found = attention(queries, values).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_the_reference_itself_at_known_places() -> None:
    """x goes to the right, y down, and outside of the picture is 0."""
    picture = np.array([[[1.0], [2.0]], [[10.0], [20.0]]])
    places = {(0.5, 0.5): 1.0, (1.5, 0.5): 2.0, (0.5, 1.5): 10.0, (1.0, 0.5): 1.5, (1.0, 1.0): 8.25, (0.0, 0.5): 0.5}
    assert {place: references.bilinear(picture, *place)[0] for place in places} == places
    assert not references.bilinear(picture, -0.5, 0.5).any() and not references.bilinear(picture, 9.0, 9.0).any()
