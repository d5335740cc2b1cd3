"""How each fusion becomes a list of layers, for a stock model that concatenates the layers of its list.

A fusion that is linear over channels disappears in the connector's first matrix. A new fusion that can be folded is one
entry of FOLDINGS: its list, and the matrix that reads that list. Needs no torch to be imported.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from shallowsight.study.fusions import Blocks, blocks_of
from shallowsight.study.layers import Layers

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shallowsight.model.fusion.scalar_mix import ScalarMix

NORMED = "concat-norm"  # its norm is VipLlava's


@dataclass(frozen=True)
class Folding:
    """`layers` gives the stock model's list; `matrix` turns [H, fused width] into [H, L D], one block for each layer.

    The blocks say which layers each block of the fused vector is made of. The fusion module comes first, for weights
    that it has learnt.
    """

    layers: Callable[[Blocks], tuple[int, ...]]
    matrix: "Callable[[nn.Module, Blocks, Tensor], Tensor]"


def _one_of_each(blocks: Blocks) -> tuple[int, ...]:
    return tuple(block[0] for block in blocks)


def _each_once(blocks: Blocks) -> tuple[int, ...]:
    return tuple(sorted({layer for block in blocks for layer in block}))


def _unchanged(_: "nn.Module", blocks: Blocks, matrix: "Tensor") -> "Tensor":
    return matrix


def _of_means(_: "nn.Module", blocks: Blocks, matrix: "Tensor") -> "Tensor":
    return _spread(blocks, [[1 / len(block)] * len(block) for block in blocks], matrix)


def _of_a_sum(_: "nn.Module", blocks: Blocks, matrix: "Tensor") -> "Tensor":
    return _spread(blocks, [[1.0] * len(block) for block in blocks], matrix)


def _of_learned_shares(fusion: "nn.Module", blocks: Blocks, matrix: "Tensor") -> "Tensor":
    mix = cast("ScalarMix", fusion)
    return _spread(blocks, [(mix.scale * mix.weights.softmax(dim=0)).tolist()], matrix)


def _spread(blocks: Blocks, shares: Sequence[Sequence[float]], matrix: "Tensor") -> "Tensor":
    """The matrix that reads each layer once, where block b is the sum of its layers by `shares[b]`."""
    listed = _each_once(blocks)
    width = matrix.shape[1] // len(blocks)
    found = matrix.new_zeros(matrix.shape[0], len(listed) * width)
    for number, (block, parts) in enumerate(zip(blocks, shares, strict=True)):
        own = matrix[:, number * width : (number + 1) * width]
        for layer, share in zip(block, parts, strict=True):
            place = listed.index(layer) * width
            found[:, place : place + width] += share * own
    return found


_AS_IT_IS, _MEANS = Folding(_one_of_each, _unchanged), Folding(_each_once, _of_means)
FOLDINGS: Mapping[str, Folding] = {
    "single": _AS_IT_IS,
    "concat": _AS_IT_IS,
    "sci": _AS_IT_IS,
    NORMED: _AS_IT_IS,
    "mean": _MEANS,
    "mean-concat": _MEANS,
    "dci": _MEANS,
    "sum": Folding(_each_once, _of_a_sum),
    "scalar-mix": Folding(_each_once, _of_learned_shares),
}


def stock_layers(fusion: str, layers: Layers) -> int | list[int]:
    """The value of `vision_feature_layer`: one layer as a number, several as a list."""
    found = FOLDINGS[fusion].layers(blocks_of(layers, fusion))
    return found[0] if len(found) == 1 else list(found)


def folded(fusion: str, layers: Layers, module: "nn.Module", matrix: "Tensor") -> "Tensor":
    """[H, L D]: the first matrix of a stock model, of a connector's first matrix [H, fused width]."""
    return FOLDINGS[fusion].matrix(module, blocks_of(layers, fusion), matrix)
