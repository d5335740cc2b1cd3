"""What holds for every connector: its class, its parameters, its shapes, and that all of it learns."""

import pytest
import torch

from shallowsight.model.connector.kinds import CONNECTORS, build_connector
from shallowsight.study.connectors import CONNECTORS as KINDS
from shallowsight.study.connectors import Connector

pytestmark = pytest.mark.usefixtures("one_thread")


def test_every_kind_of_the_configuration_has_a_class() -> None:
    assert set(CONNECTORS) == {kind for kind in KINDS if Connector(kind=kind).matrices is None}


@pytest.mark.parametrize(
    ("text", "tokens", "parameters"),
    [
        ("merger", 576, 3_150_848),
        ("merger@144", 144, 25_180_160),
        ("avgpool_mlp", 144, 6_295_552),
        ("c_abstractor", 144, 589_824 + 6 * 2_638_080 + 6_295_552),
        ("c_abstractor@64", 64, 22_713_856),
        ("ldp", 144, 6_295_552 + 2 * 6_320_640),
        ("ldpv2", 144, 6_295_552 + 20_480),
        ("resampler", 144, 19_187_712),
        ("resampler@64", 64, 19_187_712 - 80 * 2048),
    ],
)
def test_tokens_and_parameters_for_clip_l_and_a_width_of_2048(text: str, tokens: int, parameters: int) -> None:
    with torch.device("meta"):
        connector = build_connector(Connector.parse(text), 576, 1024, 2048)
        assert connector(torch.empty(2, 576, 1024)).shape == (2, tokens, 2048)
    assert sum(p.numel() for p in connector.parameters()) == parameters


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_gets_a_gradient(kind: str) -> None:
    torch.manual_seed(0)
    module = build_connector(Connector(kind=kind), 49, 8, 16)
    found = module(torch.randn(2, 49, 8))
    (found * torch.randn_like(found)).sum().backward()
    for name, parameter in module.named_parameters():
        # More than rounding: a bias before a softmax or a norm would have about 1e-7.
        assert parameter.grad is not None and parameter.grad.abs().max() > 1e-5, name


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_fixes_the_first_weights(kind: str) -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        return list(build_connector(Connector(kind=kind), 16, 8, 16).parameters())

    first, again, other = weights(0), weights(0), weights(1)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_is_close(kind: str) -> None:
    torch.manual_seed(0)
    module, x = build_connector(Connector(kind=kind), 36, 8, 16), torch.randn(2, 36, 8)
    with torch.no_grad():
        expected = module(x)
        found = module.to(torch.bfloat16)(x.to(torch.bfloat16))
    assert found.dtype == torch.bfloat16
    # bfloat16 has an epsilon of 0.008, and the deepest connector has six blocks of four layers with norms of size 1.
    assert (found.float() - expected).abs().max() < 0.05 * max(1.0, float(expected.abs().max()))


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_do_not_see_each_other(kind: str) -> None:
    torch.manual_seed(0)
    module, x = build_connector(Connector(kind=kind), 36, 8, 16), torch.randn(3, 36, 8)
    with torch.no_grad():
        torch.testing.assert_close(module(x)[1:2], module(x[1:2]))


@pytest.mark.parametrize("text", ["c_abstractor@8", "resampler@37", "ldp@4", "merger@4", "linear@9"])
def test_a_number_of_tokens_that_cannot_be_made_builds_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=f"connector {text}: it"):
        build_connector(Connector.parse(text), 36, 8, 16)
