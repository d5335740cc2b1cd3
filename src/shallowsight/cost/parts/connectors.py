"""The pieces of each connector (study/connectors.py lists all).

Letters: N fused patch vectors, M image tokens, D fused width, H language width.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shallowsight.cost.parts.pieces import Piece, activation, attention, depthwise, learned, matrix, norm
from shallowsight.study.connectors import Connector, ldp_squeezed


@dataclass(frozen=True)
class Sizes:
    """[N, D] to [M, H]; `first`: the fused vectors need no gradient."""

    N: int
    M: int
    D: int
    H: int
    first: bool


def connector_pieces(
    connector: Connector, patches: int, fused_width: int, language_width: int, *, first: bool
) -> tuple[Piece, ...]:
    """The pieces of a connector for `patches` fused patch vectors.

    `first` says that no gradient of its input is needed, because the fusion before it learns nothing.

    Raises:
        ValueError: the connector cannot take so many patch vectors.
    """
    sizes = Sizes(patches, connector.tokens_of(patches), fused_width, language_width, first)
    if connector.matrices is not None:
        return _mlp(sizes, connector.matrices)
    return _PIECES[connector.kind](sizes)


def _mlp(s: Sizes, matrices: int = 2) -> tuple[Piece, ...]:
    more = (activation(s.H, s.N), matrix(s.H, s.H, s.N)) * (matrices - 1)
    return matrix(s.D, s.H, s.N, first=s.first), *more


def _merger(s: Sizes) -> tuple[Piece, ...]:
    merged = s.N // s.M * s.D
    return norm(merged, s.M), matrix(merged, merged, s.M), activation(merged, s.M), matrix(merged, s.H, s.M)


def _c_abstractor(s: Sizes) -> tuple[Piece, ...]:
    mlp = matrix(s.D, s.H, s.M), activation(s.H, s.M), matrix(s.H, s.H, s.M)
    return learned(s.N * s.D), *3 * _bottleneck(s.D, s.N), *3 * _bottleneck(s.D, s.M), *mlp


def _bottleneck(D: int, positions: int) -> tuple[Piece, ...]:
    """A block of RegNet: a matrix, 3 x 3 depth-wise, squeeze and excitation, a matrix."""
    return (
        matrix(D, D, positions, bias=False),
        norm(D, positions),
        activation(D, positions),
        depthwise(D, positions, positions),
        norm(D, positions),
        activation(D, positions),
        *_squeeze(D, round(D / 4), positions),
        matrix(D, D, positions, bias=False),
        norm(D, positions),
        activation(D, positions),
    )


def _squeeze(width: int, narrow: int, positions: int) -> tuple[Piece, ...]:
    """A gate for each channel, from the mean over all positions."""
    return matrix(width, narrow, 1), matrix(narrow, width, 1), activation(width, positions)


def _ldp(s: Sizes) -> tuple[Piece, ...]:
    return *_mlp(s), *_inverted(s.H, s.N, s.N), *_inverted(s.H, s.N, s.M)


def _inverted(H: int, before: int, after: int) -> tuple[Piece, ...]:
    """A block of MobileNetV3 that does not expand: 3 x 3 depth-wise, squeeze and excitation, a matrix."""
    return (
        depthwise(H, before, after),
        norm(H, after),
        activation(H, after),
        *_squeeze(H, ldp_squeezed(H), after),
        matrix(H, H, after, bias=False),
        norm(H, after),
    )


def _ldpv2(s: Sizes) -> tuple[Piece, ...]:
    return *_mlp(s), depthwise(s.H, s.M, s.M, bias=True)


def _resampler(s: Sizes) -> tuple[Piece, ...]:
    """Learned queries that attend once to all patch vectors, at the language model's width."""
    return (
        learned(s.M * s.H),
        norm(s.H, s.M),
        matrix(s.D, s.H, s.N, bias=False, first=s.first),
        norm(s.H, s.N),
        matrix(s.H, s.H, s.M),
        matrix(s.H, s.H, s.N, bias=False),
        matrix(s.H, s.H, s.N),
        activation(s.H, s.M + 2 * s.N),
        attention(s.M * s.N, s.H),
        matrix(s.H, s.H, s.M),
        norm(s.H, s.M),
    )


_PIECES: Mapping[str, Callable[[Sizes], tuple[Piece, ...]]] = {
    "merger": _merger,
    "avgpool_mlp": _mlp,
    "c_abstractor": _c_abstractor,
    "ldp": _ldp,
    "ldpv2": _ldpv2,
    "resampler": _resampler,
}
