"""The connectors of plain matrices: numbers and the paper's parameter counts."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from shallowsight.model.connector.kinds import build_connector
from shallowsight.study.connectors import Connector


def build(kind: str, width: int, language_width: int, patches: int = 5) -> nn.Module:
    return build_connector(Connector(kind=kind), patches, width, language_width)


X = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))


def test_linear_is_one_matrix() -> None:
    connector = build("linear", 8, 6)
    weight, bias = connector.parameters()
    torch.testing.assert_close(connector(X), X @ weight.T + bias)


def test_mlp_is_two_matrices_and_a_gelu() -> None:
    connector = build("mlp2x_gelu", 8, 6)
    w1, b1, w2, b2 = connector.parameters()
    assert w2.shape == (6, 6)
    torch.testing.assert_close(connector(X), F.gelu(X @ w1.T + b1) @ w2.T + b2)


@pytest.mark.parametrize(
    ("kind", "layers", "parameters"),
    [
        pytest.param("linear", 1, 2_099_200, id="one layer of CLIP-L, 1024 -> 2048"),
        pytest.param("linear", 3, 6_293_504, id="three layers fused, 3 x 1024 -> 2048"),
        pytest.param("mlp2x_gelu", 1, 6_295_552, id="two matrices"),
        pytest.param("mlp2x_gelu", 3, 10_489_856, id="two matrices, three layers"),
        pytest.param("mlp4x_gelu", 1, 2_099_200 + 3 * 2048 * 2049, id="four matrices"),
    ],
)
def test_parameter_counts(kind: str, layers: int, parameters: int) -> None:
    with torch.device("meta"):
        connector = build(kind, layers * 1024, 2048, 576)
    assert sum(p.numel() for p in connector.parameters()) == parameters
