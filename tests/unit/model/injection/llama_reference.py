"""A Llama of one sequence, and what enters it, written from the formulas alone: in float64, token by token.

Shapes: T tokens, H width, A heads of width W, I width of the MLP, M image tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

Array = NDArray[np.float64]
Weights = Mapping[str, Array]


@dataclass(frozen=True)
class Sizes:
    layers: int
    heads: int
    key_heads: int
    theta: float = 10000.0
    epsilon: float = 1e-6


def weights_of(module: nn.Module) -> dict[str, Array]:
    return {name: p.detach().double().numpy() for name, p in module.named_parameters()}


def connected(weights: Weights, vectors: Array) -> Array:
    """A connector of one matrix."""
    return vectors @ weights["connector.0.weight"].T + weights["connector.0.bias"]


def states(
    language: Weights,
    sizes: Sizes,
    embeddings_TH: Array,
    start: int,
    added: Mapping[int, Array],
    attended: Mapping[int, tuple[Weights, Array]],
) -> Array:
    """[T, H] behind the final norm. `added` has [M, H] for states, `attended` weights and [M, H] for layers.

    The image begins at token `start`.
    """
    x = _add(embeddings_TH, start, added.get(0))
    for number in range(sizes.layers):
        own = {n.split(f"layers.{number}.")[1]: w for n, w in language.items() if f"layers.{number}." in n}
        u = _norm(x, own["input_layernorm.weight"], sizes)
        if number in attended:
            weights, image = attended[number]
            u = np.stack([_look(weights, sizes, token, image) if t >= start else token for t, token in enumerate(u)])
        y = x + _self_attention(own, sizes, u)
        z = _norm(y, own["post_attention_layernorm.weight"], sizes)
        x = _add(y + _mlp(z, own["mlp.gate_proj.weight"], own["mlp.up_proj.weight"], own["mlp.down_proj.weight"]),
                 start, added.get(number + 1))  # fmt: skip
    return _norm(x, language["model.norm.weight"], sizes)


def _look(weights: Weights, sizes: Sizes, token_H: Array, image_MH: Array) -> Array:
    """u2 of one token: what it is, what it finds in the picture, and what an MLP makes of both."""
    heads = _one_token(
        (token_H @ weights["query.weight"].T)[None],
        image_MH @ weights["key.weight"].T,
        image_MH @ weights["value.weight"].T,
        sizes,
    )
    u1 = token_H + np.tanh(weights["attention_gate"]) * (heads @ weights["output.weight"].T)
    return u1 + np.tanh(weights["mlp_gate"]) * _mlp(
        u1, weights["gate.weight"], weights["up.weight"], weights["down.weight"]
    )


def _self_attention(own: Weights, sizes: Sizes, u_TH: Array) -> Array:
    q, k, v = (u_TH @ own[f"self_attn.{name}_proj.weight"].T for name in "qkv")
    width = q.shape[1] // sizes.heads
    q, k = _rotated(q, width, sizes), _rotated(k, width, sizes)
    found = [_one_token(q[t : t + 1], k[: t + 1], v[: t + 1], sizes) for t in range(len(u_TH))]
    return np.stack(found) @ own["self_attn.o_proj.weight"].T


def _one_token(query: Array, keys: Array, values: Array, sizes: Sizes) -> Array:
    """[A x W]: the attention of one token, head by head."""
    width = query.shape[1] // sizes.heads
    found = []
    for head in range(sizes.heads):
        shared = head // (sizes.heads // sizes.key_heads)
        own, other = slice(head * width, (head + 1) * width), slice(shared * width, (shared + 1) * width)
        scores = keys[:, other] @ query[0, own] / np.sqrt(width)
        shares = np.exp(scores - scores.max())
        found.append((shares / shares.sum()) @ values[:, other])
    return np.concatenate(found)


def _rotated(vectors: Array, width: int, sizes: Sizes) -> Array:
    """Rotary positions from 0: the first half of a head turns with the second."""
    angles = np.arange(len(vectors))[:, None] / sizes.theta ** (np.arange(0, width, 2) / width)
    parts = vectors.reshape(len(vectors), -1, 2, width // 2)
    first, second = parts[:, :, 0], parts[:, :, 1]
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    return np.stack([first * cos - second * sin, second * cos + first * sin], axis=2).reshape(vectors.shape)


def _mlp(x: Array, gate: Array, up: Array, down: Array) -> Array:
    gated = x @ gate.T
    found: Array = (gated / (1 + np.exp(-gated)) * (x @ up.T)) @ down.T
    return found


def _norm(x: Array, weight: Array, sizes: Sizes) -> Array:
    found: Array = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + sizes.epsilon) * weight
    return found


def _add(x: Array, start: int, image: Array | None) -> Array:
    if image is None:
        return x
    changed = x.copy()
    changed[start : start + len(image)] += image
    return changed
