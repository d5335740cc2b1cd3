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
    fusion and connectors    matrix products, attention and convolutions, as torch counts them for one picture
    cross-attention          to pictures inside the language model: as torch counts it for one token
    tower                    if features are not cached: forward only, in the layers up to the deepest one in use; every
                             token attends to all tokens

Not counted: everything that is not a matrix product (embeddings, norms, activations, softmax, rotations, the loss, the
optimizer), recomputation (checkpointing, flash attention's backward), padding, a tower's pooling head, whose output is
not used, the scans of state-space layers, and, of internal-modular, what the language model's tokens compute in its
cross-attention and MLPs: its efficiency is higher than is said. Assumed: every matrix is applied to every token (no
mixture of experts), and in every layer every token attends to all tokens before it (no sliding window, no other kinds
of layers).
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers.pytorch_utils import Conv1D

from shallowsight.data.batches import Batch
from shallowsight.data.conversation import IGNORE
from shallowsight.model.injection.places import Places
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


def _convolution_backward(*shapes: Any, out_shape: Any) -> int:
    """Operations of a convolution's gradients. Torch's formula ignores groups: for 1000 channels 1000 times as many.

    The arguments are those of aten::convolution_backward, with shapes in place of tensors.
    """
    gradient, _, weight, *_, wanted = shapes
    return int(2 * prod(weight) * gradient[0] * prod(gradient[2:]) * sum(wanted[:2]))


# What is counted in another way than by torch's FlopCounterMode.
FORMULAS = {torch.ops.aten.convolution_backward: _convolution_backward}


@dataclass(frozen=True)
class Costs:
    """Operations, forward and backward, that each token, pair, answer and picture of an update adds."""

    token: float  # a text or image token, in the matrices of the language model
    pair: float  # a token and a token that it attends to
    answer: float  # a supervised position, in the output layer
    picture: float  # in fusion and connectors, and in the tower if features are not cached
    seeing: float  # a token that attends to a picture inside the language model, in that attention and its MLP

    def total(self, tokens: int, pairs: int, answers: int, pictures: int, seeing: int) -> float:
        whole = tokens * self.token + pairs * self.pair + answers * self.answer
        return whole + pictures * self.picture + seeing * self.seeing

    def of(self, batch: Batch) -> float:
        """Operations for a batch, whose tensors must still be on the CPU."""
        lengths = _lengths(batch)
        pairs = int((lengths * (lengths + 1) // 2).sum())
        answers = int((batch.labels[:, 1:] != IGNORE).sum())
        pictures = len(batch.pictures[0]) if batch.pictures else 0
        seeing = len(Places.of(batch.ids, batch.positions, pictures).seeing) if self.seeing else 0
        return self.total(int(lengths.sum()), pairs, answers, pictures, seeing)


@dataclass(frozen=True)
class Meter:
    """The numbers from which a training computes its efficiency."""

    costs: Costs
    peak: float  # operations per second that the devices of all processes can do; 0: unknown


def costs_of(model: VLM, widths: Mapping[int, int], patches: int, tower: Tower | None, image_size: int) -> Costs:
    """The costs of a model that reads `patches` patch vectors in each layer, of the layers' `widths`.

    Call this before the engine divides the parameters among processes. `tower` is None if features are cached.
    """
    config = model.language.config.get_text_config()
    # Not every family of language models has these keys: a state-space model has no heads.
    heads = getattr(config, "num_attention_heads", 0)
    head = getattr(config, "head_dim", None) or config.hidden_size // max(heads, 1)
    attention = config.num_hidden_layers * heads * head
    # The language model's input always needs a gradient, for the connector or for the embeddings.
    language = _per_vector(_matrices(model.language.base_model), learns_before=True)
    seen = _connecting(model, widths, patches, tokens=0)
    return Costs(
        token=language,
        pair=12.0 * attention,
        answer=_per_vector([model.language.get_output_embeddings().weight], learns_before=True),
        picture=seen + (_tower(tower, image_size) if tower is not None else 0.0),
        seeing=_connecting(model, widths, patches, tokens=1) - seen if model.injection else 0.0,
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


def _connecting(model: VLM, widths: Mapping[int, int], patches: int, tokens: int) -> float:
    """Operations of what connects tower and language model, forward and backward: counted in a copy without memory.

    They are those of a picture in fusion and connectors, and of `tokens` tokens that see it inside the language model.
    """
    parts: Any = _without_memory(nn.ModuleList([model.fusion, model.connector, model.injection]))
    fusion, connector, injection = parts
    with torch.device("meta"), FlopCounterMode(display=False, custom_mapping=FORMULAS) as counter:
        features = {layer: torch.empty(1, patches, width) for layer, width in widths.items()}
        image: Tensor = connector(fusion(features))
        reads = [part.read(features[part.layer]) for part in injection]
        found = [image, *(each for read in reads for each in read)]
        if tokens:
            states, numbers = torch.empty(1, tokens, image.shape[2], requires_grad=True), torch.empty(tokens).long()
            places = Places(torch.empty(image.shape[1]).long(), numbers, numbers, tokens, numbers[:1])
            for part, read in zip(injection, reads, strict=True):
                states = part(states, read, places)
            found.append(states)
        torch.autograd.backward([each.sum() for each in found])
    return float(counter.get_total_flops())


def _without_memory(module: nn.Module) -> nn.Module:
    """A copy on torch's device for shapes only."""
    copies: dict[int, Any] = {id(b): torch.empty_like(b, device="meta") for b in module.buffers()}
    for p in module.parameters():
        copies[id(p)] = nn.Parameter(torch.empty_like(p, device="meta"), p.requires_grad)
    return deepcopy(module, copies)


def _tower(tower: Tower, image_size: int) -> float:
    """Operations of the tower for one picture; of one that is no plain transformer, as torch counts them."""
    convolutions = [part for part in tower.encoder.modules() if isinstance(part, nn.Conv2d)]
    if len(convolutions) != 1 or tower.blocks is None:
        return _counted(tower, image_size)
    patching, side = convolutions[0].weight, convolutions[0].stride[0]
    width, patches = patching.shape[0], (image_size // side) ** 2
    tokens = patches + tower.facts.prefix_tokens
    blocks = sum(weight.numel() for block in tower.blocks for weight in _matrices(block))
    return 2.0 * (patches * patching.numel() + tokens * blocks + 2 * len(tower.blocks) * tokens**2 * width)


def _counted(tower: Tower, image_size: int) -> float:
    """Without the attention on a CPU, where torch does not count it; there no utilisation is computed either."""
    device = next(tower.encoder.parameters()).device
    with FlopCounterMode(display=False) as counter:
        tower.hidden_states(torch.zeros(1, 3, image_size, image_size, device=device))
    return float(counter.get_total_flops())


def _lengths(batch: Batch) -> Tensor:
    """The length of every sequence of a batch, whether the sequences are packed or one in each row."""
    if batch.positions is None:
        return batch.mask.sum(dim=1)
    sequence = (batch.positions[batch.mask.bool()] == 0).cumsum(dim=0) - 1
    return torch.bincount(sequence)
