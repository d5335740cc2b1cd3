"""The connectors' formulas in numpy and float64, written from the papers' code and not from ours.

Shapes: B images, S side of a square, C channels. `weights` maps the names of a module's parameters to arrays.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Array = NDArray[np.float64]
Weights = Mapping[str, Array]


def part(weights: Weights, name: str) -> Weights:
    return {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}


def linear(x: Array, weights: Weights) -> Array:
    return np.asarray(x @ weights["weight"].T + weights.get("bias", np.zeros(())))


def layer_norm(x: Array, weights: Weights, epsilon: float) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    scale = np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
    return np.asarray(centred / scale * weights["weight"] + weights["bias"])


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def silu(x: Array) -> Array:
    return x * sigmoid(x)


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def gelu(x: Array) -> Array:
    return np.asarray(x * (1 + erf(x / math.sqrt(2))) / 2)


def hard_sigmoid(x: Array) -> Array:
    return np.clip(x / 6 + 0.5, 0, 1)


def hard_swish(x: Array) -> Array:
    return x * hard_sigmoid(x)


def square(x: Array) -> Array:
    side = math.isqrt(x.shape[1])
    return x.reshape(len(x), side, side, x.shape[2])


def in_a_row(x: Array) -> Array:
    return x.reshape(len(x), -1, x.shape[-1])


def depth_wise(x: Array, weights: Weights, stride: int = 1) -> Array:
    """A kernel [C, 1, 3, 3] over [B, S, S, C] with a border of zeros."""
    kernel, side = weights["weight"], x.shape[1]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    starts = range(0, side, stride)
    rows = [
        [(padded[:, y : y + 3, z : z + 3] * kernel[:, 0].transpose(1, 2, 0)).sum((1, 2)) for z in starts]
        for y in starts
    ]
    return np.stack([np.stack(row, axis=1) for row in rows], axis=1) + weights.get("bias", np.zeros(()))


def pooled(x: Array, tokens: int) -> Array:
    """Window i of a side goes from floor(i S / s) to ceil((i + 1) S / s)."""
    side, into = x.shape[1], math.isqrt(tokens)
    spans = [slice(i * side // into, -(-(i + 1) * side // into)) for i in range(into)]
    return np.stack([np.stack([x[:, y, z].mean((1, 2)) for z in spans], axis=1) for y in spans], axis=1)


def excited(x: Array, weights: Weights, inner: Callable[[Array], Array], gate: Callable[[Array], Array]) -> Array:
    squeezed = inner(linear(x.mean((1, 2)), part(weights, "squeeze")))
    return x * gate(linear(squeezed, part(weights, "excite")))[:, None, None]


def regnet_block(x: Array, weights: Weights) -> Array:
    """timm's Bottleneck with SiLU and layer norms of the channels, whose epsilon is that of timm's ConvNormAct."""
    y = silu(layer_norm(linear(x, part(weights, "enter")), part(weights, "norm_enter"), 1e-5))
    y = silu(layer_norm(depth_wise(y, part(weights, "spread")), part(weights, "norm_spread"), 1e-5))
    y = excited(y, part(weights, "excitation"), silu, sigmoid)
    return silu(x + layer_norm(linear(y, part(weights, "leave")), part(weights, "norm_leave"), 1e-5))


def mobilenet_block(x: Array, weights: Weights, stride: int) -> Array:
    """torchvision's InvertedResidual without the convolution that expands."""
    y = hard_swish(layer_norm(depth_wise(x, part(weights, "spread"), stride), part(weights, "norm_spread"), 1e-5))
    y = excited(y, part(weights, "excitation"), relu, hard_sigmoid)
    y = layer_norm(linear(y, part(weights, "leave")), part(weights, "norm_leave"), 1e-5)
    return x + y if stride == 1 else y


def mlp2x_gelu(x: Array, weights: Weights) -> Array:
    return linear(gelu(linear(x, part(weights, "0"))), part(weights, "2"))


def merger(x: Array, weights: Weights, tokens: int) -> Array:
    if tokens < x.shape[1]:
        grid = square(x)
        corners = [grid[:, y::2, z::2] for y in (0, 1) for z in (0, 1)]
        x = in_a_row(np.concatenate(corners, axis=-1))
    x = gelu(linear(layer_norm(x, part(weights, "norm"), 1e-6), part(weights, "inner")))
    return linear(x, part(weights, "outer"))


def avgpool_mlp(x: Array, weights: Weights, tokens: int) -> Array:
    return in_a_row(pooled(square(mlp2x_gelu(x, part(weights, "mlp"))), tokens))


def c_abstractor(x: Array, weights: Weights, tokens: int) -> Array:
    y = square(x + weights["positions"])
    for block in range(3):
        y = regnet_block(y, part(weights, f"before.{block}"))
    y = pooled(y, tokens)
    for block in range(3):
        y = regnet_block(y, part(weights, f"after.{block}"))
    y = silu(linear(in_a_row(y), part(weights, "readout.0")))
    return linear(y, part(weights, "readout.2"))


def ldp(x: Array, weights: Weights, tokens: int) -> Array:
    y = square(mlp2x_gelu(x, part(weights, "mlp")))
    y = mobilenet_block(y, part(weights, "blocks.0"), stride=1)
    return in_a_row(mobilenet_block(y, part(weights, "blocks.1"), stride=2))


def ldpv2(x: Array, weights: Weights, tokens: int) -> Array:
    y = pooled(square(mlp2x_gelu(x, part(weights, "mlp"))), tokens)
    return in_a_row(y + depth_wise(y, part(weights, "spread")))


def waves(at: float, width: int) -> Array:
    found = np.zeros(width)
    for wave in range(width // 2):
        angle = at / 10000 ** (wave / (width // 2))
        found[wave], found[width // 2 + wave] = math.sin(angle), math.cos(angle)
    return found


def place(cell: int, count: int, span: float, width: int) -> Array:
    side = math.isqrt(count)
    if side * side != count:
        return waves(cell, width)
    row, column = ((at + 0.5) * span / side - 0.5 for at in divmod(cell, side))
    return np.concatenate([waves(column, width // 2), waves(row, width - width // 2)])


def resampler(x: Array, weights: Weights, tokens: int, heads: int) -> Array:
    patches, width, side = x.shape[1], weights["queries"].shape[1], math.isqrt(tokens)
    span = side if side * side == tokens else math.isqrt(patches)
    queries = layer_norm(weights["queries"], part(weights, "norm_queries"), 1e-6)
    if side * side == tokens:
        queries = queries + np.stack([place(cell, tokens, span, width) for cell in range(tokens)])
    values = layer_norm(linear(x, part(weights, "project")), part(weights, "norm_patches"), 1e-6)
    keys = values + np.stack([place(cell, patches, span, width) for cell in range(patches)])
    q, k, v = (
        linear(each, part(weights, f"to_{name}"))
        for each, name in ((queries, "query"), (keys, "key"), (values, "value"))
    )
    seen = []
    for head in np.split(np.arange(width), heads):
        scores = q[:, head] @ k[..., head].transpose(0, 2, 1) / math.sqrt(len(head))
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        seen.append(shares / shares.sum(-1, keepdims=True) @ v[..., head])
    return layer_norm(linear(np.concatenate(seen, axis=-1), part(weights, "leave")), part(weights, "norm"), 1e-6)
