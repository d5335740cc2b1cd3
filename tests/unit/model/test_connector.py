"""Fusions and connectors: shapes, widths, and the paper's parameter counts."""

from typing import get_args

import pytest
import torch
import torch.nn.functional as F

from shallowsight.model.connector.kinds import CONNECTORS
from shallowsight.model.fusion.fusion import Fusion
from shallowsight.model.fusion.kinds import FUSIONS
from shallowsight.study.experiment import ConnectorKind
from shallowsight.study.settings import FUSIONS as FUSION_KINDS


def features(layers: int) -> list[torch.Tensor]:
    return [torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(k)) for k in range(layers)]


def test_single_is_the_layer_itself() -> None:
    fusion = FUSIONS["single"](1, 8)
    (only,) = features(1)
    assert fusion([only]) is only and fusion.out_dim == 8
    with pytest.raises(ValueError, match="fusion 'single' takes one layer, got 2"):
        FUSIONS["single"](2, 8)


@pytest.mark.parametrize("layers", [1, 3])
def test_concat_puts_layers_side_by_side(layers: int) -> None:
    fusion, given = FUSIONS["concat"](layers, 8), features(layers)
    fused = fusion(given)
    assert fused.shape == (2, 5, fusion.out_dim) and fusion.out_dim == 8 * layers
    for k, layer in enumerate(given):
        assert torch.equal(fused[..., 8 * k : 8 * (k + 1)], layer), "shallow first"


def test_a_fusion_must_say_how() -> None:
    with pytest.raises(TypeError, match=r"abstract method '?forward"):
        Fusion(1, 8)


def test_linear_is_one_matrix() -> None:
    connector, (x,) = CONNECTORS["linear"](8, 6), features(1)
    weight, bias = connector.parameters()
    torch.testing.assert_close(connector(x), x @ weight.T + bias)


def test_mlp_is_two_matrices_and_a_gelu() -> None:
    connector, (x,) = CONNECTORS["mlp2x_gelu"](8, 6), features(1)
    w1, b1, w2, b2 = connector.parameters()
    assert w2.shape == (6, 6)
    torch.testing.assert_close(connector(x), F.gelu(x @ w1.T + b1) @ w2.T + b2)


@pytest.mark.parametrize(
    ("kind", "layers", "parameters"),
    [
        pytest.param("linear", 1, 2_099_200, id="one layer of CLIP-L, 1024 -> 2048"),
        pytest.param("linear", 3, 6_293_504, id="three layers fused, 3 x 1024 -> 2048"),
        pytest.param("mlp2x_gelu", 1, 2_099_200 + 2048 * 2049, id="two matrices"),
    ],
)
def test_parameter_counts(kind: str, layers: int, parameters: int) -> None:
    with torch.device("meta"):
        fusion = FUSIONS["concat"](layers, 1024)
        connector = CONNECTORS[kind](fusion.out_dim, 2048)
    assert sum(p.numel() for p in fusion.parameters()) == 0
    assert sum(p.numel() for p in connector.parameters()) == parameters


def test_every_kind_of_the_configuration_has_a_class() -> None:
    assert set(FUSIONS) == set(FUSION_KINDS)
    assert set(CONNECTORS) == set(get_args(ConnectorKind))
