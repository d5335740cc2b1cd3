"""Muon: momentum, made orthogonal, for matrices (Jordan et al. 2024; with AdamW's rates, arXiv 2502.16982)."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

_MOMENTUM = 0.95
_ITERATIONS = 5
_A, _B, _C = 3.4445, -4.7750, 2.0315  # of the quintic Newton-Schulz iteration, as in Jordan's code
_SMALLEST_NORM = 1e-7


class Muon(Optimizer):
    """The update of torch.optim.Muon with adjust_lr_fn="match_rms_adamw", in float32.

    torch's own makes the momentum orthogonal in bfloat16, which is slow where a processor has no instructions for it:
    306 ms for the demo's matrices with ONEDNN_MAX_CPU_ISA=AVX2, 14 ms with AVX-512 for bfloat16, and 18 ms in float32.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float) -> None:
        """`groups` are parameter groups of matrices, each with its `weight_decay`."""
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of the matrices that have a gradient; a closure is not supported."""
        assert closure is None
        for group in self.param_groups:
            rate = group["lr"]
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                momentum = self._momentum(matrix).lerp_(matrix.grad, 1 - _MOMENTUM)
                ahead = matrix.grad.lerp(momentum, _MOMENTUM)  # Nesterov's
                # With this factor an update is about as large as one of AdamW.
                size = 0.2 * math.sqrt(max(matrix.shape))
                matrix.mul_(1 - rate * group["weight_decay"])
                matrix.add_(orthogonal(ahead), alpha=-rate * size)

    def _momentum(self, matrix: Tensor) -> Tensor:
        kept = self.state[matrix]
        if not kept:
            kept["momentum_buffer"] = torch.zeros_like(matrix, memory_format=torch.preserve_format)
        found: Tensor = kept["momentum_buffer"]
        return found


def orthogonal(matrix: Tensor) -> Tensor:
    """U V^T of the singular value decomposition U S V^T, but for singular values between about 0.7 and 1.2."""
    upright = matrix.shape[0] > matrix.shape[1]
    found = matrix.T if upright else matrix
    found = found / found.norm().clamp(min=_SMALLEST_NORM)
    for _ in range(_ITERATIONS):
        gram = found @ found.T
        found = torch.addmm(found, torch.addmm(gram, gram, gram, beta=_B, alpha=_C), found, beta=_A)
    return found.T if upright else found
