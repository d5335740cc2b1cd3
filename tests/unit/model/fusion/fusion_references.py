"""Fusions in numpy and float64, written from the formulas of their papers, one number at a time where it is clearer.

Shapes: B images, N tokens, D width, S side of a square of tokens; a layer is [B, N, D].
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = Mapping[str, Array]


def layer_norm(x: Array, eps: float, weight: Array | float = 1.0, bias: Array | float = 0.0) -> Array:
    centred = x - x.mean(axis=-1, keepdims=True)
    found: Array = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + eps) * weight + bias
    return found


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max())
    found: Array = powers / powers.sum()
    return found


def scalar_mix(layers: Sequence[Array], w: Array, s: float) -> Array:
    """ELMo: s * sum_k softmax(w)_k x_k."""
    return s * sum((share * x for share, x in zip(softmax(w), layers, strict=True)), np.zeros_like(layers[0]))


def scalar_mix_norm(layers: Sequence[Array], w: Array, s: float) -> Array:
    return scalar_mix([layer_norm(x, 1e-5) for x in layers], w, s)


def concat_norm(layers: Sequence[Array], weight: Array, bias: Array) -> Array:
    """ViP-LLaVA: the layer norm of all channels side by side."""
    return layer_norm(np.concatenate(layers, axis=-1), 1e-5, weight, bias)


def sti(layers: Sequence[Array]) -> Array:
    """DenseConnector: the last layer's tokens, then the means of eight tokens in a row of each other layer."""
    *others, base = layers
    B, N, D = base.shape
    rows = [base[:, n] for n in range(N)]
    for x in others:
        for start in range(0, N - 7, 8):
            rows.append(sum((x[:, start + i] for i in range(8)), np.zeros((B, D))) / 8)
    return np.stack(rows, axis=1)


def sci(layers: Sequence[Array]) -> Array:
    """DenseConnector: channels of the last layer, then of the others."""
    return np.concatenate([layers[-1], *layers[:-1]], axis=-1)


def dci(layers: Sequence[Array]) -> Array:
    """DenseConnector: channels of the last layer, then the means of the shallow and of the deep half."""
    half = len(layers) // 2
    means = [np.mean(part, axis=0) for part in (layers[:half], layers[half:])]
    return np.concatenate([layers[-1], *means], axis=-1)


def bilinear(picture: Array, x: float, y: float) -> Array:
    """A [S, S, W] picture at a place in units of patches, the middle of the first patch at 0.5; 0 outside of it."""
    side = picture.shape[0]
    column, row = x - 0.5, y - 0.5
    found = np.zeros(picture.shape[-1])
    for r in (math.floor(row), math.floor(row) + 1):
        for c in (math.floor(column), math.floor(column) + 1):
            if 0 <= r < side and 0 <= c < side:
                found += (1 - abs(row - r)) * (1 - abs(column - c)) * picture[r, c]
    return found


def deformable_attention(queries: Array, levels: Sequence[Array], weights: Weights, heads: int, points: int) -> Array:
    """Deformable DETR, equation 3, with grids of one size; `weights` by the module's names."""

    def linear(name: str, x: Array) -> Array:
        found: Array = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        return found

    B, N, D = queries.shape
    side, W, L = math.isqrt(N), D // heads, len(levels)
    offsets = linear("offsets", queries).reshape(B, N, heads, L, points, 2)
    logits = linear("weights", queries).reshape(B, N, heads, L * points)
    values = [linear("value", x) for x in levels]
    joined = np.zeros((B, N, D))
    for b in range(B):
        for n in range(N):
            row, column = divmod(n, side)
            for m in range(heads):
                channels = slice(m * W, (m + 1) * W)
                shares = softmax(logits[b, n, m]).reshape(L, points)
                for level in range(L):
                    picture = values[level][b, :, channels].reshape(side, side, W)
                    for k in range(points):
                        dx, dy = offsets[b, n, m, level, k]
                        seen = bilinear(picture, column + 0.5 + dx, row + 0.5 + dy)
                        joined[b, n, channels] += shares[level, k] * seen
    return linear("output", joined)


def mmfuser(layers: Sequence[Array], weights: Weights, heads: int) -> Array:
    *others, base = layers

    def norm(name: str, x: Array) -> Array:
        return layer_norm(x, 1e-6, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def attention(name: str, queries: Array, levels: Sequence[Array]) -> Array:
        own = {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}
        return deformable_attention(queries, levels, own, heads, points=4)

    found = attention("across_layers", norm("query_norm", base), [norm("value_norm", x) for x in others])
    normed = norm("norm", found)
    found = found + weights["gamma2"] * attention("within", normed, [normed])
    result: Array = base + weights["gamma1"] * found
    return result
