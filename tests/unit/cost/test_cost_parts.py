"""Pieces of fusions, connectors and injections against published numbers, and by hand."""

import pytest
from cost_subjects import TINY, clip_l

from shallowsight.cost.memory import checkpoint_bytes, trained_parameters
from shallowsight.cost.parts.inside import attending_layer
from shallowsight.cost.parts.pieces import Piece, depthwise, matrix, norm, parameters
from shallowsight.study.settings import Setting


@pytest.mark.parametrize(
    ("setting", "tokens", "expected"),
    [
        pytest.param("18+linear", 576, 2_099_200, id="linear"),
        pytest.param("3,18+linear", 576, 4_196_352, id="linear of two layers"),
        pytest.param("3,18,23+linear", 576, 6_293_504, id="linear of three layers"),
        pytest.param("18+mlp2x_gelu", 576, 6_295_552, id="LLaVA-1.5"),
        pytest.param("3,18+mlp2x_gelu", 576, 8_392_704, id="two matrices of two layers"),
        pytest.param("3,18,23+mlp2x_gelu", 576, 10_489_856, id="two matrices of three layers"),
        pytest.param("23+c_abstractor", 144, 22_713_856, id="C-abstractor"),
        pytest.param("23+ldp", 144, 18_936_832, id="LDP"),
        pytest.param("23+ldpv2", 144, 6_316_032, id="LDPv2"),
        pytest.param("7,15,23:sti+mlp2x_gelu", 720, 6_295_552, id="DenseConnector STI"),
        pytest.param("7,15,23:sci+mlp2x_gelu", 576, 10_489_856, id="DenseConnector SCI"),
        pytest.param("1-24:dci+mlp2x_gelu", 576, 10_489_856, id="DenseConnector DCI"),
        pytest.param("18,23:mmfuser+linear", 576, 4_600_192 + 2_099_200, id="MMFuser of one level"),
        pytest.param("3,18,23:mmfuser+linear", 576, 4_796_992 + 2_099_200, id="MMFuser of two levels"),
        pytest.param("3,8,13,18,23:mmfuser+linear", 576, 5_190_592 + 2_099_200, id="MMFuser"),
        pytest.param("1-12,23:mmfuser+mlp2x_gelu", 576, 6_764_992 + 6_295_552, id="MMFuser of twelve levels"),
        pytest.param("1-12|13-24|23:mean-concat+mlp2x_gelu", 576, 10_489_856, id="E_D of all layers"),
        pytest.param("3,18,23|23:internal-direct+mlp2x_gelu", 576, 25_182_208, id="I_D of three layers"),
        pytest.param("18|23:internal-modular+mlp2x_gelu", 576, 51_380_226 + 2 * 6_295_552, id="I_M of one layer"),
        pytest.param("9,17|24:deepstack+merger", 576, 3 * 3_150_848, id="DeepStack's merger"),
        pytest.param("9,17|24:deepstack+merger@144", 144, 3 * 25_180_160, id="DeepStack's merger of 2 x 2"),
        pytest.param(
            "6,9,12,15,23:concat-norm+mlp2x_gelu", 576, 10_240 + 10_487_808 + 4_196_352, id="ViP-LLaVA of five layers"
        ),
        pytest.param("3,18,23:scalar-mix+linear", 576, 4 + 2_099_200, id="scalar mix"),
        pytest.param("3,18,23:sum+linear", 576, 2_099_200, id="sum"),
    ],
)
def test_published_numbers(setting: str, tokens: int, expected: int) -> None:
    s, chosen = clip_l(), Setting.parse(setting)
    assert s.parts(chosen).image_tokens == s.load(chosen, "finetune").image_tokens == tokens
    assert s.parts(chosen).parameters == trained_parameters(s, chosen, "pretrain") == expected
    assert trained_parameters(s, chosen, "finetune") == expected + s.language.parameters
    assert checkpoint_bytes(s, chosen, "pretrain") == 4 * expected


def test_pieces_by_hand() -> None:
    assert matrix(3, 5, 7) == Piece(parameters=20, forward=210, passes=3, sides=(3, 5), kept=21)
    assert matrix(3, 5, 7, first=True).trained == 420
    assert depthwise(10, 64, 16) == Piece(parameters=90, forward=2 * 9 * 10 * 16, kept=640)
    assert norm(10, 4).parameters == 20


def test_a_connector_behind_a_fusion_that_learns_has_a_gradient_of_its_input() -> None:
    s = clip_l("connector.kind=linear")
    once = 2 * 1024 * 2048 * 576
    assert s.parts(Setting.parse("3,18:mean")).trained == 2 * once
    assert s.parts(Setting.parse("3,18:scalar-mix")).trained == 3 * once


def test_a_layer_that_attends_by_hand() -> None:
    # Width 128, inner 344: at each of 80 tokens two matrices of the attention and three of the MLP, at 36 two more.
    pieces = attending_layer(TINY, 80, 36)
    assert parameters(pieces) == TINY.layer_matrices + 2
    products = 80 * (2 * 128**2 + 3 * 128 * 344) + 36 * 2 * 128**2
    assert sum(piece.forward for piece in pieces) == 2 * products + 4 * 80 * 36 * 128
    assert sum(piece.trained for piece in pieces) == 3 * sum(piece.forward for piece in pieces)
