"""The optimizer of a stage: AdamW, or Muon for the matrices and AdamW for everything else."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from transformers.modeling_utils import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from shallowsight.study.stages import Stage
from shallowsight.train.muon import Muon

ADAMW_MOMENTS = ("exp_avg", "exp_avg_sq")  # AdamW's two moments of every parameter
STEP = "step"  # AdamW counts the updates of every parameter; Muon does not


class JoinedOptimizers(Optimizer):
    """Several optimizers that look like one, because DeepSpeed takes one.

    They share their parameter groups and their state with it: a rate that is set here reaches them, and a moment that
    is restored here is theirs.
    """

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        super().__init__([group for part in parts for group in part.param_groups], {})
        self.parts = parts
        for part in parts:
            part.state = self.state

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update by each of them; a closure is not supported."""
        assert closure is None
        for part in self.parts:
            part.step()


def build_optimizer(model: nn.Module, stage: Stage) -> tuple[Optimizer, list[float]]:
    """The optimizer, and for each of its parameter groups the ratio of its learning rate to the stage's.

    Weight decay applies to all but biases and norms. All but the language model may have a learning rate of its own.
    Muon takes the matrices of linear layers; AdamW keeps embeddings, the language model's output layer, learned
    positions and queries, and the kernels of depth-wise convolutions, which are one small filter for each channel.
    """
    if stage.optimizer == "adamw":
        groups, ratios = _groups(model.named_parameters(), stage)
        return AdamW(groups, lr=stage.learning_rate), ratios
    matrices = set(_matrices(model))
    taken, ratios = _groups(((name, p) for name, p in model.named_parameters() if p in matrices), stage)
    others, more = _groups(((name, p) for name, p in model.named_parameters() if p not in matrices), stage)
    parts: list[Optimizer] = []
    if taken:
        parts.append(Muon(taken, lr=stage.learning_rate))
    if others:
        parts.append(AdamW(others, lr=stage.learning_rate))
    return JoinedOptimizers(parts), [*ratios, *more]


def first_state(optimizer: Optimizer) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """What the optimizer keeps of each parameter before its first update, as the optimizer would make it."""
    for part in optimizer.parts if isinstance(optimizer, JoinedOptimizers) else [optimizer]:
        make = momentum if isinstance(part, Muon) else adamw_moments
        for group in part.param_groups:
            yield from ((held, make(held)) for held in group["params"])


def momentum(matrix: Tensor) -> dict[str, Tensor]:
    """Muon's moment before the first update."""
    return {"momentum_buffer": _zeros(matrix)}


def adamw_moments(parameter: Tensor) -> dict[str, Tensor]:
    """AdamW's moments, and its count of updates, before the first update."""
    return {STEP: torch.tensor(0.0), **{key: _zeros(parameter) for key in ADAMW_MOMENTS}}


def _zeros(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter, memory_format=torch.preserve_format)


def _matrices(model: nn.Module) -> Iterator[Tensor]:
    """The weights of linear layers, without those that are embeddings or an output layer."""
    parts = list(model.modules())
    words = [part.weight for part in parts if isinstance(part, nn.Embedding)]
    outputs = [part.get_output_embeddings() for part in parts if isinstance(part, PreTrainedModel)]
    apart = {*words, *(output.weight for output in outputs if output is not None)}
    for part in parts:
        if isinstance(part, nn.Linear | Conv1D) and part.weight not in apart:
            yield part.weight


def _groups(parameters: Iterable[tuple[str, nn.Parameter]], stage: Stage) -> tuple[list[dict[str, Any]], list[float]]:
    groups: dict[tuple[float, float], list[Tensor]] = {}
    ratio = (stage.connector_learning_rate or stage.learning_rate) / stage.learning_rate
    for name, parameter in parameters:
        if parameter.requires_grad:
            share = 1.0 if name.startswith("language.") else ratio
            decay = stage.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((share, decay), []).append(parameter)
    found = [{"params": members, "weight_decay": decay} for (_, decay), members in groups.items()]
    return found, [share for share, _ in groups]
