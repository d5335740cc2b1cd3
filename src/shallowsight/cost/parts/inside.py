"""The pieces in front of a layer of the language model that attends to image tokens, as I_M of arXiv 2503.06063."""

from shallowsight.cost.parts.pieces import Piece, activation, attention, learned, matrix
from shallowsight.cost.shapes import LanguageShape


def attending_layer(shape: LanguageShape, tokens: float, image_tokens: int) -> tuple[Piece, ...]:
    """Cross-attention with the shape of the layer's own attention, an MLP with that of its own, and a gate for each.

    Queries and the MLP are of the `tokens` of a sequence, keys and values of its image tokens. The few tokens in front
    of a picture do not see it, but count here too.
    """
    H, q, kv, inner = shape.width, shape.query_width, shape.kv_width, shape.inner
    return (
        matrix(H, q, tokens, bias=False),
        matrix(H, kv, image_tokens, bias=False),
        matrix(H, kv, image_tokens, bias=False),
        activation(q, tokens),
        activation(kv, 2 * image_tokens),
        attention(tokens * image_tokens, q),
        matrix(q, H, tokens, bias=False),
        activation(H, tokens),
        matrix(H, inner, tokens, bias=False),
        matrix(H, inner, tokens, bias=False),
        activation(inner, 3 * tokens),
        matrix(inner, H, tokens, bias=False),
        activation(H, tokens),
        learned(2),
    )
