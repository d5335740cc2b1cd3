"""The pieces of fusions, connectors and injections: parameters, operations for one picture, numbers kept for backward.

Operations are counted as for a language model: products only, a multiply-add as two; norms, activations, means and
sampled positions of a picture take few beside them.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One piece; all of its parameters are trained."""

    parameters: int = 0
    forward: float = 0.0  # operations for one picture
    passes: int = 3  # forward, for the gradient of one factor (the weights), and for that of the other (the input)
    sides: tuple[int, int] | None = None  # (in, out) of a linear layer, which Muon trains
    kept: float = 0.0  # numbers kept for the backward pass, for one picture

    @property
    def trained(self) -> float:
        """Operations for one picture, forward and backward."""
        return self.passes * self.forward


def matrix(inputs: int, outputs: int, vectors: float, *, bias: bool = True, first: bool = False) -> Piece:
    """A linear layer applied to `vectors` vectors; `first`: their gradient is not needed, as of a frozen tower."""
    return Piece(
        parameters=inputs * outputs + bias * outputs,
        forward=2 * inputs * outputs * vectors,
        passes=2 if first else 3,
        sides=(inputs, outputs),
        kept=inputs * vectors,
    )


def depthwise(channels: int, inputs: float, outputs: float, *, bias: bool = False) -> Piece:
    """A convolution of 3 x 3 positions in each channel, from `inputs` to `outputs` positions."""
    return Piece(
        parameters=(9 + bias) * channels,
        forward=2 * 9 * channels * outputs,
        kept=channels * inputs,
    )


def attention(pairs: float, width: int) -> Piece:
    """Scores and weighted sums of `pairs` pairs of a query and a key, over all heads `width` wide."""
    return Piece(forward=4 * pairs * width)


def norm(width: int, vectors: float) -> Piece:
    """A layer norm with weight and bias."""
    return Piece(parameters=2 * width, kept=width * vectors)


def activation(width: int, vectors: float) -> Piece:
    """A function of each number, or a product that is kept for backward."""
    return Piece(kept=width * vectors)


def learned(parameters: int) -> Piece:
    """Parameters outside products: positions, queries, gates."""
    return Piece(parameters=parameters)


def parameters(pieces: Iterable[Piece]) -> int:
    """The parameters of all pieces."""
    return sum(piece.parameters for piece in pieces)
