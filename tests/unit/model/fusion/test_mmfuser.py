"""MMFuser: its size, how it starts, and in which order its parts begin to learn."""

import math

import pytest
import torch
from torch import Tensor, nn

from shallowsight.model.fusion.deformable_attention import DeformableAttention
from shallowsight.model.fusion.kinds import FUSIONS
from shallowsight.study.layers import Layers

WIDTH, PATCHES = 128, 16
THREE = Layers.of(2, 3, 4)
FEATURES = {k: torch.randn(2, PATCHES, WIDTH, generator=torch.Generator().manual_seed(k)) for k in THREE.read}


def mmfuser(layers: Layers = THREE, width: int = WIDTH, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return FUSIONS["mmfuser"]("mmfuser", layers, dict.fromkeys(layers.read, width))


def learning(model: nn.Module) -> set[str]:
    """The parameters whose gradient is not zero, after which all of them have moved by a step."""
    torch.manual_seed(0)
    target = torch.randn(2, PATCHES, WIDTH)
    model.zero_grad()
    (model(FEATURES) - target).square().mean().backward()
    grads = {name: p.grad for name, p in model.named_parameters()}
    assert all(grad is not None and grad.isfinite().all() for grad in grads.values())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= parameter.grad
    return {name for name, grad in grads.items() if grad is not None and grad.any()}


@pytest.mark.parametrize(
    ("levels", "parameters"), [(1, 4_600_192), (2, 4_796_992), (4, 5_190_592), (12, 6_764_992), (24, 9_126_592)]
)
def test_parameters_in_clip_l(levels: int, parameters: int) -> None:
    with torch.device("meta"):
        made = mmfuser(Layers.of(*range(1, levels + 2)), width=1024)
    assert sum(p.numel() for p in made.parameters()) == parameters


def test_it_starts_as_its_last_layer() -> None:
    assert torch.equal(mmfuser()(FEATURES), FEATURES[4])


def test_the_inside_learns_from_the_second_update_on() -> None:
    """gamma1 = 0 holds everything back, then gamma2 = 0 the second attention, and matrices of 0 the query's norm."""
    model = mmfuser()
    names = {name for name, _ in model.named_parameters()}
    third = {name for name in names if name.startswith(("within.", "norm.", "query_norm."))}
    assert learning(model) == {"gamma1"}
    assert learning(model) == names - third
    assert learning(model) == names


def test_the_query_is_not_among_the_values() -> None:
    """Shallow layers alone are looked at: another last layer changes the places of the points, not what is there."""
    model = mmfuser(Layers.of(2, 3))
    seen: list[Tensor] = []
    model.get_submodule("value_norm").register_forward_hook(lambda _, given, __: seen.append(given[0]))
    model(FEATURES)
    (values,) = seen
    assert torch.equal(values, FEATURES[2].unsqueeze(1))


def test_it_starts_by_looking_into_all_directions() -> None:
    attention = DeformableAttention(256, heads=8, levels=2)
    offsets = attention.offsets.bias.view(8, 2, 4, 2)
    directions = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)]
    for head, (x, y) in enumerate(directions):
        for level in range(2):
            expected = torch.tensor([[x * k, y * k] for k in (1.0, 2.0, 3.0, 4.0)])
            torch.testing.assert_close(offsets[head, level], expected, atol=1e-5, rtol=0)
    for zero in (
        attention.offsets.weight,
        *attention.weights.parameters(),
        attention.value.bias,
        attention.output.bias,
    ):
        assert not zero.any()
    # Glorot and Bengio's uniform numbers: of a square matrix of width D up to sqrt(6 / 2D).
    limit = math.sqrt(6 / 512)
    for matrix in (attention.value.weight, attention.output.weight):
        assert 0.99 * limit < matrix.abs().max() <= limit
        assert matrix.std().item() == pytest.approx(limit / math.sqrt(3), rel=0.02)


def test_it_starts_with_the_same_weights_from_the_same_seed() -> None:
    one, two, other = mmfuser(seed=1), mmfuser(seed=1), mmfuser(seed=2)
    assert all(torch.equal(p, two.get_parameter(name)) for name, p in one.named_parameters())
    assert not torch.equal(one.get_parameter("within.value.weight"), other.get_parameter("within.value.weight"))


def test_places_are_computed_in_single_precision() -> None:
    """With weights of bfloat16, a point between two patches is where float32 has it, but for its input's rounding."""
    attention = DeformableAttention(8, heads=1, levels=1).to(torch.bfloat16)
    side = 24
    ramp = torch.arange(side, dtype=torch.float32).repeat(side)  # of columns: what is seen says where
    values = ramp.view(1, 1, -1, 1).expand(1, 1, side * side, 8).to(torch.bfloat16)
    with torch.no_grad():
        for linear in (attention.value, attention.output):
            linear.weight.copy_(torch.eye(8))
        attention.offsets.bias.copy_(torch.tensor([0.25, 0.0] * 4))
        found = attention(torch.zeros(1, side * side, 8, dtype=torch.bfloat16), values)
    expected = (ramp.view(side, side)[:, : side - 1] + 0.25).flatten()
    # The result is rounded to bfloat16: 8 bits of a number up to 24, half of 2^-3 at the most. A place that is computed
    # in bfloat16 would be off by half a patch, as 576 places have 24 columns of 1/12 in units from -1 to 1.
    rounded = expected.to(torch.bfloat16).float()
    assert torch.equal(found.float().view(side, side, 8)[:, : side - 1, 0].flatten(), rounded)
