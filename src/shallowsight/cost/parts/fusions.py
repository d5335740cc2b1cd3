"""The pieces of each fusion; those not named here have no parameters and no products (study/fusions.py lists all).

Letters: D vision width, N patch vectors of a layer, L layers that the base looks at.
"""

from collections.abc import Mapping

from shallowsight.cost.parts.pieces import Piece, activation, learned, matrix, norm
from shallowsight.study.fusions import MMFUSER_POINTS, fused_width, mmfuser_heads
from shallowsight.study.layers import Layers

_MIXES = ("scalar-mix", "scalar-mix-norm")


def fusion_pieces(layers: Layers, kind: str, widths: Mapping[int, int], patches: int) -> tuple[Piece, ...]:
    """The pieces of a fusion of layers with `patches` patch vectors each; `widths` are those of the layers."""
    if kind in _MIXES:
        read = sum(widths[layer] for layer in layers.indices)
        return learned(len(layers.indices) + 1), activation(read, patches)
    if kind == "concat-norm":
        return (norm(fused_width(layers, kind, widths), patches),)
    if kind == "mmfuser":
        return _mmfuser(widths[layers.indices[-1]], len(layers.indices) - 1, patches)
    return ()


def _mmfuser(D: int, L: int, N: int) -> tuple[Piece, ...]:
    """Attention of the base to L layers, then to itself, each with a norm before it and a gate behind it."""
    norms = norm(D, N), norm(D, L * N), norm(D, N)
    return *norms, learned(2 * D), *_sampling(D, L, N), *_sampling(D, 1, N)


def _sampling(D: int, L: int, N: int) -> tuple[Piece, ...]:
    """Deformable attention: values, offsets and weights of the sampled points, and the output."""
    points = mmfuser_heads(D) * L * MMFUSER_POINTS
    return (
        matrix(D, D, L * N),
        matrix(D, 2 * points, N),
        matrix(D, points, N),
        activation(points, 2 * N),
        # The weighted sum of what is sampled.
        Piece(forward=2 * MMFUSER_POINTS * L * N * D, kept=(MMFUSER_POINTS + 1) * L * N * D),
        matrix(D, D, N),
        activation(D, N),
    )
