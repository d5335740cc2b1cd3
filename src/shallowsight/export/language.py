"""The language model of a stock model: its decoder, its output matrix, and a row for the image token.

Shapes: V rows of the embeddings, H language width.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import PretrainedConfig
from transformers.modeling_utils import PreTrainedModel


def is_tied(language: PreTrainedModel) -> bool:
    """Whether the output matrix is the matrix of the embeddings."""
    return _output(language) is _input(language)


def language_config(language: PreTrainedModel, rows: int) -> PretrainedConfig:
    """The language model's configuration with so many rows of the embeddings."""
    own: Any = language.config
    found: PretrainedConfig = type(own).from_dict(own.to_dict() | {"vocab_size": rows})
    return found


def language_weights(language: PreTrainedModel, rows: int) -> tuple[dict[str, Tensor], Tensor]:
    """The state of the decoder, and the output matrix, with so many rows.

    A new row is the mean of the others. Its logit is then the mean of theirs, so greedy decoding never chooses it.
    """
    weights = dict(language.base_model.state_dict())
    table = _input(language)
    (name,) = [name for name, value in language.base_model.named_parameters() if value is table]
    weights[name] = _with_rows(table, rows)
    return weights, weights[name] if is_tied(language) else _with_rows(_output(language), rows)


def rows_for(language: PreTrainedModel, image_token: int) -> int:
    """The number of rows of the embeddings with the image token's."""
    return max(_input(language).shape[0], image_token + 1)


def _input(language: PreTrainedModel) -> Tensor:
    weight: Tensor = language.get_input_embeddings().weight
    return weight


def _output(language: PreTrainedModel) -> Tensor:
    weight: Tensor = language.get_output_embeddings().weight
    return weight


def _with_rows(matrix: Tensor, rows: int) -> Tensor:
    own = matrix.detach()
    more = rows - own.shape[0]
    mean = own.float().mean(0, keepdim=True).to(own.dtype)
    return torch.cat([own, mean.expand(more, -1)]) if more else own
