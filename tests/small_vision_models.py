"""A small vision model with random weights of every family that can be a tower."""

import inspect
from pathlib import Path
from typing import Any

import torch
from model_folders import change_json
from torch import nn
from transformers import CONFIG_MAPPING, AutoModel, BitImageProcessorPil, PretrainedConfig
from transformers.modeling_utils import PreTrainedModel

from shallowsight.model.tower.families import ALONE, FAMILIES, REFUSED, WITHIN

NAMES = tuple(name for name in (*FAMILIES, *ALONE, *WITHIN) if name not in REFUSED)
DEPTH, WIDTH, PATCH, SIDE = 3, 32, 8, 32
WIDTHS = (8, 16, 24, 32)  # of stages, whose patch is 4
IMAGE_MEAN, IMAGE_STD = [0.4, 0.5, 0.6], [0.2, 0.3, 0.25]
_SIZES: dict[str, Any] = {
    "hidden_size": WIDTH, "intermediate_size": 48, "num_hidden_layers": DEPTH, "num_attention_heads": 2,
    "image_size": SIDE, "patch_size": PATCH, "mlp_ratio": 2, "num_patches": (SIDE // PATCH) ** 2,
    # Positions of both kinds, and none of the scales that hide what layers do.
    "use_relative_position_bias": True, "use_absolute_position_embeddings": True, "layer_scale_init_value": 0.7,
    "layerscale_value": 0.7, "drop_path_rate": 0.3,
}  # fmt: skip
_STAGES: dict[str, Any] = {"hidden_sizes": list(WIDTHS), "depths": [1, 2, 1, 1], "layer_scale_init_value": 0.7}
_TEXT = {
    "hidden_size": 32, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 30,
    "max_position_embeddings": 20, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
_OWN: dict[str, dict[str, Any]] = {
    "dinov2_with_registers": {"num_register_tokens": 4},
    "dinov3_vit": {"num_register_tokens": 4},
    "pixio": {"n_cls_tokens": 3},
    "tipsv2_vision_model": {"num_register_tokens": 2},
}


def small_config(name: str, **changes: Any) -> PretrainedConfig:
    """Of a model of a family, or of a model of pictures and texts."""
    made = CONFIG_MAPPING[name]
    part = ALONE.get(name) or WITHIN.get(name)
    if part:
        return made(text_config=dict(_TEXT), vision_config=_sizes(part) | changes)
    return made(**(_sizes(name) | changes))


def _sizes(name: str) -> dict[str, Any]:
    made = CONFIG_MAPPING[name]
    settable = set(vars(made())) | set(inspect.signature(made.__init__).parameters)
    given = _STAGES if name in FAMILIES and FAMILIES[name].widths else _SIZES
    return {key: value for key, value in given.items() if key in settable} | _OWN.get(name, {})


def small_model(name: str, **changes: Any) -> PreTrainedModel:
    """Equal calls give equal weights."""
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModel.from_config(small_config(name, **changes)).eval()
    _loosen(model)
    return model


def save_small_model(name: str, folder: Path, **changes: Any) -> Path:
    """A folder as `save_pretrained` leaves it, with the processor that Pillow can make."""
    small_model(name, **changes).save_pretrained(folder)
    change_json(folder / "config.json", model_type=name)  # mlcd is an older name of mlcd_vision_model
    BitImageProcessorPil(image_mean=IMAGE_MEAN, image_std=IMAGE_STD).save_pretrained(folder)
    return folder


@torch.no_grad()
def _loosen(model: PreTrainedModel) -> None:
    """transformers' first weights are so small and even that most faults would hide in them."""
    for part in model.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            part.weight.normal_(std=part.weight[0].numel() ** -0.5)
        elif isinstance(part, nn.Embedding):
            part.weight.normal_(std=0.5)
    for parameter in model.parameters():
        if isinstance(parameter, nn.Parameter) and parameter.ndim != 2 and parameter.ndim != 4:
            parameter.add_(0.3 * torch.randn_like(parameter))
