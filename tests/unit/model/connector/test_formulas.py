"""Each connector computes its formula, whatever the grid and the number of tokens."""

from collections.abc import Callable
from functools import partial

import formulas
import numpy as np
import pytest
import torch
from torch import nn

from shallowsight.model.connector import c_abstractor, ldp
from shallowsight.model.connector.kinds import build_connector
from shallowsight.model.connector.resampler import heads_of
from shallowsight.study.connectors import Connector

pytestmark = pytest.mark.usefixtures("one_thread")
WIDTH, LANGUAGE = 8, 24
Formula = Callable[[formulas.Array, formulas.Weights, int], formulas.Array]
FORMULAS: dict[str, Formula] = {
    "merger": formulas.merger,
    "avgpool_mlp": formulas.avgpool_mlp,
    "c_abstractor": formulas.c_abstractor,
    "ldp": formulas.ldp,
    "ldpv2": formulas.ldpv2,
    "resampler": partial(formulas.resampler, heads=1),
}


def shaken(module: nn.Module) -> nn.Module:
    """With other norms and biases than the first ones, 1 and 0, behind which a missing part would hide."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return module


def weights_of(module: nn.Module) -> dict[str, formulas.Array]:
    return {name: p.detach().double().numpy() for name, p in module.named_parameters()}


def require_equal(module: nn.Module, x: torch.Tensor, expected: formulas.Array) -> None:
    with torch.no_grad():
        found = module(x).numpy()
    assert found.shape == expected.shape
    # Numbers up to about 10 in float32, whose epsilon is 1e-7, after up to twenty sums of a few dozen.
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("side", [24, 12, 7, 6, 1])
@pytest.mark.parametrize("kind", FORMULAS)
def test_the_formula(kind: str, side: int) -> None:
    connector, patches = Connector(kind=kind), side * side
    module = shaken(build_connector(connector, patches, WIDTH, LANGUAGE))
    x = torch.randn(2, patches, WIDTH, generator=torch.Generator().manual_seed(0))
    tokens = connector.tokens_of(patches)
    expected = FORMULAS[kind](x.double().numpy(), weights_of(module), tokens)
    assert expected.shape == (2, tokens, LANGUAGE)
    require_equal(module, x, expected)


@pytest.mark.parametrize(
    ("written", "side"),
    [
        *((f"{kind}@{tokens}", 7) for kind in ("avgpool_mlp", "c_abstractor", "ldpv2") for tokens in (1, 9, 25, 49)),
        *((f"resampler@{tokens}", 7) for tokens in (1, 4, 5, 49)),
        ("merger@9", 6),
    ],
)
def test_the_formula_for_other_numbers_of_tokens(written: str, side: int) -> None:
    connector = Connector.parse(written)
    module = shaken(build_connector(connector, side * side, WIDTH, LANGUAGE))
    x = torch.randn(2, side * side, WIDTH, generator=torch.Generator().manual_seed(0))
    assert connector.tokens is not None
    require_equal(module, x, FORMULAS[connector.kind](x.double().numpy(), weights_of(module), connector.tokens))


@pytest.mark.parametrize("patches", [10, 17], ids=["no square", "a class token and a square"])
def test_a_resampler_takes_patches_in_no_square(patches: int) -> None:
    module = shaken(build_connector(Connector.parse("resampler@4"), patches, WIDTH, LANGUAGE))
    x = torch.randn(2, patches, WIDTH, generator=torch.Generator().manual_seed(0))
    require_equal(module, x, formulas.resampler(x.double().numpy(), weights_of(module), 4, heads=1))


@pytest.mark.parametrize("width", [256, 250, 27], ids=["two heads", "of no multiple of 4", "odd"])
def test_a_resampler_for_any_width(width: int) -> None:
    module = shaken(build_connector(Connector.parse("resampler@4"), 16, WIDTH, width))
    x = torch.randn(2, 16, WIDTH, generator=torch.Generator().manual_seed(0))
    require_equal(module, x, formulas.resampler(x.double().numpy(), weights_of(module), 4, heads_of(width)))


@pytest.mark.parametrize(("width", "heads"), [(8, 1), (127, 1), (128, 1), (256, 2), (388, 2), (2048, 16)])
def test_heads_of_a_resampler_divide_its_width(width: int, heads: int) -> None:
    assert heads_of(width) == heads


def test_queries_and_patches_have_one_system_of_coordinates() -> None:
    """The middle of 3 x 3 queries is where the middle of 9 x 9 patches is."""
    module = build_connector(Connector.parse("resampler@9"), 81, WIDTH, LANGUAGE)
    places = {name: values for name, values in module.named_buffers()}
    torch.testing.assert_close(places["query_places"][4], places["patch_places"][40])
    assert not torch.allclose(places["query_places"][3], places["patch_places"][40], atol=0.1)
    assert not module.state_dict().keys() & places.keys(), "a checkpoint needs no positions that are computed"


@pytest.mark.parametrize("side", [1, 5, 6])
def test_a_block_of_the_c_abstractor(side: int) -> None:
    block = shaken(c_abstractor.Block(WIDTH))
    x = torch.randn(2, side, side, WIDTH, generator=torch.Generator().manual_seed(0))
    require_equal(block, x, formulas.regnet_block(x.double().numpy(), weights_of(block)))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [1, 5, 6])
def test_a_block_of_ldp(side: int, stride: int) -> None:
    block = shaken(ldp.Block(WIDTH, stride))
    x = torch.randn(2, side, side, WIDTH, generator=torch.Generator().manual_seed(0))
    require_equal(block, x, formulas.mobilenet_block(x.double().numpy(), weights_of(block), stride))


@pytest.mark.parametrize(("width", "squeezed"), [(16, 8), (56, 16), (128, 32), (200, 48), (2048, 512), (3584, 896)])
def test_the_squeezed_width_of_ldp(width: int, squeezed: int) -> None:
    """A quarter, rounded to a multiple of 8: 14 is between 8 and 16, 50 is nearer to 48."""
    with torch.device("meta"):
        assert ldp.Block(width, stride=1).excitation.squeeze.out_features == squeezed
