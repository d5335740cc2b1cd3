"""How many operations an update needs, and how many the devices could have done in its time.

Operations are floating-point operations of the model itself (FLOPs, a multiplication and an addition are two), as the
model FLOPs utilisation counts them (MFU, arXiv 2204.02311, appendix B):

    a matrix of P weights    2P for every vector forward, 2P more where its input needs a gradient, 2P more where it is
                             trained: 6P for a trained language model, 4P for a frozen one behind a trained connector
    attention                for every pair of a token and a token that it attends to (itself and those before it:
                             T(T+1)/2 pairs in a sequence of T tokens) 4A forward in a layer whose heads have the total
                             width A, and 8A backward, also in a frozen language model, because both factors of both
                             products need a gradient
    output layer             as a matrix, at supervised positions only: no other logits are computed
    connector and fusion     as matrices, at every image token
    tower                    if features are not cached: forward only, in the layers up to the deepest one in use; every
                             token attends to all tokens

Not counted: everything that is not a matrix product (embeddings, norms, activations, softmax, rotations, the loss, the
optimizer), recomputation (checkpointing, flash attention's backward), padding, a tower's pooling head, whose output is
not used, and the scans of state-space layers. Assumed: every matrix is applied to every token (no mixture of experts),
and in every layer every token attends to all tokens before it (no sliding window, no other kinds of layers).
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

# Dense operations per second in bfloat16, from the data sheets; TF32 has half of them. The keys are whole device names,
# so that a part of a GPU (MIG), whose name is longer, does not match.
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
    """Operations, forward and backward, that each token, pair, answer and picture of an update adds."""

    token: float  # a text or image token, in the matrices of the language model
    pair: float  # a token and a token that it attends to
    answer: float  # a supervised position, in the output layer
    picture: float  # its image tokens in fusion and connector, and the picture in the tower if features are not cached

    def total(self, tokens: int, pairs: int, answers: int, pictures: int) -> float:
        return tokens * self.token + pairs * self.pair + answers * self.answer + pictures * self.picture

    def of(self, batch: Batch) -> float:
        """Operations for a batch, whose tensors must still be on the CPU."""
        lengths = _lengths(batch)
        pairs = int((lengths * (lengths + 1) // 2).sum())
        answers = int((batch.labels[:, 1:] != IGNORE).sum())
        return self.total(int(lengths.sum()), pairs, answers, len(batch.pictures[0]) if batch.pictures else 0)


@dataclass(frozen=True)
class Meter:
    """The numbers from which a training computes its efficiency."""

    costs: Costs
    peak: float  # operations per second that the devices of all processes can do; 0: unknown


def costs_of(model: VLM, image_tokens: int, tower: Tower | None, image_size: int) -> Costs:
    """The costs of a model.

    Call this before the engine divides the parameters among processes. `tower` is None if features are cached.
    """
    config = model.language.config.get_text_config()
    # Not every family of language models has these keys: a state-space model has no heads.
    heads = getattr(config, "num_attention_heads", 0)
    head = getattr(config, "head_dim", None) or config.hidden_size // max(heads, 1)
    attention = config.num_hidden_layers * heads * head
    seen = _per_vector(_matrices(model.fusion), learns_before=False)
    connected = _per_vector(_matrices(model.connector), learns_before=_learns(model.fusion))
    # The language model's input always needs a gradient, for the connector or for the embeddings.
    language = _per_vector(_matrices(model.language.base_model), learns_before=True)
    return Costs(
        token=language,
        pair=12.0 * attention,
        answer=_per_vector([model.language.get_output_embeddings().weight], learns_before=True),
        picture=image_tokens * (seen + connected) + (_tower(tower, image_size) if tower is not None else 0.0),
    )


def device_peak(device: torch.device, precision: str) -> float:
    """Operations per second of one device; 0 when they are not known, as for every CPU."""
    if device.type != "cuda":
        return 0.0
    peak = _BFLOAT16_PEAKS.get(torch.cuda.get_device_name(device), 0.0)
    return peak if precision == "bfloat16" else peak / 2


def _matrices(module: nn.Module) -> list[Tensor]:
    """The weight matrices in the order in which the module made them, which is the order of their use."""
    return [part.weight for part in module.modules() if isinstance(part, nn.Linear | Conv1D)]


def _per_vector(matrices: Iterable[Tensor], learns_before: bool) -> float:
    """Operations, forward and backward, for one vector that goes through all matrices.

    `learns_before` says whether the input of the first matrix needs a gradient.
    """
    operations = 0.0
    for weight in matrices:
        operations += weight.numel() * (2 + 2 * learns_before + 2 * weight.requires_grad)
        learns_before = learns_before or weight.requires_grad
    return operations


def _learns(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def _tower(tower: Tower, image_size: int) -> float:
    """Operations of the tower for one picture."""
    ((patching, side),) = [(p.weight, p.stride[0]) for p in tower.encoder.modules() if isinstance(p, nn.Conv2d)]
    width, patches = patching.shape[0], (image_size // side) ** 2
    tokens = patches + tower.has_class_token
    blocks = sum(weight.numel() for block in tower.blocks for weight in _matrices(block))
    return 2.0 * (patches * patching.numel() + tokens * blocks + 2 * len(tower.blocks) * tokens**2 * width)


def _lengths(batch: Batch) -> Tensor:
    """The length of every sequence of a batch, whether the sequences are packed or one in each row."""
    if batch.positions is None:
        return batch.mask.sum(dim=1)
    sequence = (batch.positions[batch.mask.bool()] == 0).cumsum(dim=0) - 1
    return torch.bincount(sequence)
