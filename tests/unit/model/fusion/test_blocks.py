"""Fusions whose channels are means of layers: what stands in which channels."""

import pytest
import torch
from torch import Tensor

from shallowsight.model.fusion.fusion import Fusion
from shallowsight.model.fusion.kinds import FUSIONS
from shallowsight.study.fusions import FUSIONS as KINDS
from shallowsight.study.layers import Layers

WIDTH = 8
FEATURES = {k: torch.randn(2, 5, WIDTH, generator=torch.Generator().manual_seed(k)) for k in range(1, 7)}


def fuse(kind: str, text: str) -> Tensor:
    layers = Layers.parse(text)
    fusion = FUSIONS[kind](kind, layers, dict.fromkeys(layers.read, WIDTH))
    found: Tensor = fusion({k: FEATURES[k] for k in layers.read})
    assert found.shape == (2, 5, fusion.out_dim) and not list(fusion.parameters())
    return found


def mean(*layers: int) -> Tensor:
    return torch.stack([FEATURES[k].double() for k in layers]).mean(dim=0)


def test_single_is_the_layer_itself() -> None:
    layers = Layers.of(3)
    assert FUSIONS["single"]("single", layers, {3: WIDTH})({3: FEATURES[3]}) is FEATURES[3]


@pytest.mark.parametrize(
    ("kind", "text", "blocks"),
    [
        pytest.param("concat", "2", [(2,)], id="concat of one"),
        pytest.param("concat", "2,5,6", [(2,), (5,), (6,)], id="shallow first"),
        pytest.param("concat", "4,4,4", [(4,), (4,), (4,)], id="a control"),
        pytest.param("mean", "1-6", [(1, 2, 3, 4, 5, 6)], id="mean"),
        pytest.param("mean-concat", "1-3|4,6|5", [(1, 2, 3), (4, 6), (5,)], id="groups"),
        pytest.param("sci", "1,3,5", [(5,), (1,), (3,)], id="sci: the last in front"),
        pytest.param("dci", "1-5", [(5,), (1, 2), (3, 4, 5)], id="dci: the last is in the second half too"),
        pytest.param("dci", "2,6", [(6,), (2,), (6,)], id="dci of two"),
    ],
)
def test_what_stands_in_which_channels(kind: str, text: str, blocks: list[tuple[int, ...]]) -> None:
    expected = torch.cat([mean(*block) for block in blocks], dim=-1)
    # Sums of up to six float32 numbers of size 1.
    torch.testing.assert_close(fuse(kind, text).double(), expected, rtol=0, atol=1e-6)


def test_sum_is_the_mean_times_the_layers() -> None:
    torch.testing.assert_close(fuse("sum", "2,3,6").double(), 3 * mean(2, 3, 6), rtol=0, atol=3e-6)


def test_concat_takes_layers_of_different_widths() -> None:
    layers = Layers.of(1, 2)
    fusion = FUSIONS["concat"]("concat", layers, {1: 2, 2: 3})
    assert fusion({1: torch.zeros(1, 4, 2), 2: torch.ones(1, 4, 3)}).shape == (1, 4, 5) and fusion.out_dim == 5


def test_a_fusion_must_say_how() -> None:
    with pytest.raises(TypeError, match=r"abstract method '?forward"):
        Fusion("single", Layers.of(1), {1: 8})  # type: ignore[abstract]


def test_every_kind_of_the_configuration_has_a_class() -> None:
    assert list(FUSIONS) == list(KINDS)
