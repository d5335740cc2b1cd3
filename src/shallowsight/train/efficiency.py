"""How much arithmetic an update is, and how much the devices could have done in its time.

Operations are floating-point operations of the model itself (FLOPs, a multiplication and an addition are two), as the
model FLOPs utilisation counts them (MFU, arXiv 2204.02311, appendix B):

    a matrix of P weights    2P for every vector forward, 2P more where its input needs a gradient, 2P more where it is
                             trained: 6P for a trained language model, 4P for a frozen one behind a trained connector
    attention                a token and one that it sees (itself and those before it: T(T+1)/2 pairs in a sequence of T
                             tokens): 4A forward in a layer whose heads are A wide together, 8A backward, where the
                             language model is frozen too, because both factors of both products need a gradient
    output layer             as a matrix, at supervised positions alone: there are no other logits
    connector and fusion     as matrices, at every image token
    tower                    where it runs live: forward alone, in the layers that it was cut to; its attention sees all

Left out: whatever is no matrix product (embeddings, norms, activations, softmax, rotations, the loss, the optimizer),
what is computed again (checkpointing, flash attention's backward), padding, a tower's pooling head, which nothing
reads, and the scans of state-space layers. Assumed: every matrix sees every token (no mixture of experts) and every
token all before it, in every layer (no sliding window, no layers of other kinds in between).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from shallowsight.data.batches import Batch
from shallowsight.data.conversation import IGNORE
from shallowsight.model.tower.tower import Tower
from shallowsight.model.vlm import VLM

# Operations per second in bfloat16, dense: the data sheets' figures, of which TF32 has half. By the whole name: a part
# of a GPU (MIG) has another one.
_BFLOAT16_PEAKS = {
    "NVIDIA A100-SXM4-40GB": 312e12,
    "NVIDIA A100-SXM4-80GB": 312e12,
    "NVIDIA A100-PCIE-40GB": 312e12,
    "NVIDIA A100 80GB PCIe": 312e12,
    "NVIDIA H100 80GB HBM3": 989e12,
    "NVIDIA H100 PCIe": 756e12,
    "NVIDIA H100 NVL": 835e12,
    "NVIDIA H200": 989e12,
}


@dataclass(frozen=True)
class Costs:
    """Operations in an update for every one of what it holds, forward and backward."""

    token: float  # text or image, in the matrices of the language model
    pair: float  # of a token and one that it sees
    answer: float  # a supervised position
    picture: float  # its image tokens' way through the connector, and its own through a tower that runs

    def total(self, tokens: int, pairs: int, answers: int, pictures: int) -> float:
        return tokens * self.token + pairs * self.pair + answers * self.answer + pictures * self.picture

    def of(self, batch: Batch) -> float:
        """Of a batch that is still on the host."""
        lengths = _lengths(batch)
        pairs = int((lengths * (lengths + 1) // 2).sum())
        answers = int((batch.labels[:, 1:] != IGNORE).sum())
        return self.total(int(lengths.sum()), pairs, answers, len(batch.pictures[0]) if batch.pictures else 0)


@dataclass(frozen=True)
class Meter:
    """What a training needs to know its efficiency."""

    costs: Costs
    peak: float  # operations per second that the devices of all processes can do; 0: unknown


def costs_of(model: VLM, image_tokens: int, tower: Tower | None, image_size: int) -> Costs:
    """Before an engine shares its parameters out; `tower` only where it runs in training."""
    config = model.language.config.get_text_config()
    # Not every family of language models says them: a state-space model has no heads.
    heads = getattr(config, "num_attention_heads", 0)
    head = getattr(config, "head_dim", None) or config.hidden_size // max(heads, 1)
    attention = config.num_hidden_layers * heads * head
    seen = _per_vector(_matrices(model.fusion), learns_before=False)
    connected = _per_vector(_matrices(model.connector), learns_before=_learns(model.fusion))
    # Its input learns with the connector or the embeddings; where nothing does, there is no training.
    language = _per_vector(_matrices(model.language.base_model), learns_before=True)
    return Costs(
        token=language,
        pair=12.0 * attention,
        answer=_per_vector([model.language.get_output_embeddings().weight], learns_before=True),
        picture=image_tokens * (seen + connected) + (_tower(tower, image_size) if tower is not None else 0.0),
    )


def device_peak(device: torch.device, precision: str) -> float:
    """Operations per second of one device; 0 when it is not known, as of any CPU."""
    if device.type != "cuda":
        return 0.0
    peak = _BFLOAT16_PEAKS.get(torch.cuda.get_device_name(device), 0.0)
    return peak if precision == "bfloat16" else peak / 2


def _matrices(module: nn.Module) -> list[Tensor]:
    """In the order in which they were made, which is that of their use."""
    return [part.weight for part in module.modules() if isinstance(part, nn.Linear | Conv1D)]


def _per_vector(matrices: Iterable[Tensor], learns_before: bool) -> float:
    """Forward and backward; `learns_before` says whether the first one's input needs a gradient."""
    operations = 0.0
    for weight in matrices:
        operations += weight.numel() * (2 + 2 * learns_before + 2 * weight.requires_grad)
        learns_before = learns_before or weight.requires_grad
    return operations


def _learns(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def _tower(tower: Tower, image_size: int) -> float:
    """One picture."""
    ((patching, side),) = [(p.weight, p.stride[0]) for p in tower.encoder.modules() if isinstance(p, nn.Conv2d)]
    width, patches = patching.shape[0], (image_size // side) ** 2
    tokens = patches + tower.has_class_token
    blocks = sum(weight.numel() for block in tower.blocks for weight in _matrices(block))
    return 2.0 * (patches * patching.numel() + tokens * blocks + 2 * len(tower.blocks) * tokens**2 * width)


def _lengths(batch: Batch) -> Tensor:
    """Of every sequence, packed or one a row."""
    if batch.positions is None:
        return batch.mask.sum(dim=1)
    sequence = (batch.positions[batch.mask.bool()] == 0).cumsum(dim=0) - 1
    return torch.bincount(sequence)
