"""The connector as the projector of a stock model: two matrices, with an activation between them.

Shapes: D vision width times the layers of the list, H language width.
"""

from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from shallowsight.export.expressible import StockModel
from shallowsight.export.folding import folded
from shallowsight.model.fusion.concat_norm import ConcatNorm
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment

Matrix = tuple[Tensor, Tensor]  # weight and bias
EPSILON = 1e-5  # of torch's layer_norm, which vision.normalize calls
NO_ACTIVATION = "linear"  # transformers' name for the identity


def activation_of(kind: str) -> str:
    """The value of `projector_hidden_act`."""
    return NO_ACTIVATION if kind == "linear" else "gelu"


def projector_weights(stock: StockModel, experiment: Experiment, model: VLM) -> dict[str, Tensor]:
    """The state of the stock model's `multi_modal_projector`."""
    (first, bias), second = _TWO_MATRICES[experiment.connector.kind](model.connector)
    matrix = folded(experiment.fusion.kind, experiment.vision.layers, model.fusion, first)
    weights = {"linear_1.weight": matrix, "linear_1.bias": bias}
    weights |= {"linear_2.weight": second[0], "linear_2.bias": second[1]}
    if stock == "vipllava":
        scale, shift = _norm(model, matrix.shape[1])
        weights |= {"projector_layernorm.weight": scale, "projector_layernorm.bias": shift}
    return {name: value.detach().cpu().contiguous() for name, value in weights.items()}


def _norm(model: VLM, width: int) -> Matrix:
    if isinstance(model.fusion, ConcatNorm):
        return model.fusion.norm.weight, model.fusion.norm.bias
    return torch.ones(width), torch.zeros(width)


def _linear(connector: nn.Module) -> tuple[Matrix, Matrix]:
    only = _linear_at(connector, 0)
    width = only.weight.shape[0]
    return (only.weight, only.bias), (torch.eye(width), torch.zeros(width))


def _mlp2x_gelu(connector: nn.Module) -> tuple[Matrix, Matrix]:
    first, second = _linear_at(connector, 0), _linear_at(connector, 2)
    return (first.weight, first.bias), (second.weight, second.bias)


def _linear_at(connector: nn.Module, number: int) -> nn.Linear:
    return cast(nn.Linear, connector.get_submodule(str(number)))


_TWO_MATRICES: Mapping[str, Callable[[nn.Module], tuple[Matrix, Matrix]]] = {
    "linear": _linear,
    "mlp2x_gelu": _mlp2x_gelu,
}
