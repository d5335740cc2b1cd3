"""The tower of a stock model: the layers up to the deepest one in use, for pictures of the study's size."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig

from shallowsight.model.tower.tower import Tower

_POSITIONS = "embeddings.position_embedding.weight"  # of CLIP and SigLIP
# Keys that a configuration computes from its depth, so that they must not be those of the whole tower.
_OF_THE_DEPTH = ("stage_names", "out_features", "out_indices", "_out_features", "_out_indices")


def tower_config(tower: Tower, image_size: int) -> PretrainedConfig:
    """The configuration of the cut tower."""
    own: Any = tower.encoder.config
    values = {key: value for key, value in own.to_dict().items() if key not in _OF_THE_DEPTH}
    assert tower.blocks is not None  # of the families that can be exported
    values["num_hidden_layers"] = len(tower.blocks)
    if tower.interpolates:
        values["image_size"] = image_size
    found: PretrainedConfig = type(own)(**values)
    return found


def tower_weights(tower: Tower, image_size: int) -> dict[str, Tensor]:
    """The state of the cut tower.

    A stock LLaVA does not interpolate the positions of CLIP and SigLIP, so they are interpolated here once. DINOv2
    always interpolates its own.
    """
    weights = dict(tower.encoder.state_dict())
    if tower.interpolates:
        (name,) = [name for name in weights if name.endswith(_POSITIONS)]
        weights[name] = _positions(
            tower.encoder.get_submodule(name.removesuffix(".position_embedding.weight")), image_size
        )
    return weights


@torch.no_grad()
def _positions(embeddings: nn.Module, image_size: int) -> Tensor:
    """[N(+1), D]: the positions of a picture of this size, computed as the encoder computes them."""
    module: Any = embeddings
    table: Tensor = module.position_embedding.weight
    patches = (image_size // module.patch_size) ** 2
    class_token = hasattr(module, "class_embedding")
    # The function reads only the shape of the picture's embeddings.
    shaped = table.new_zeros(1, patches + class_token, table.shape[1])
    found: Tensor = module.interpolate_pos_encoding(shaped, image_size, image_size)
    return found.squeeze(0)
