"""What a vision model is called with, besides asking for its hidden states.

Shapes: B images, C channels, H W pixels, G = H / patch, N = G * G patches, p pixels of a patch.
"""

from typing import Any

import torch
from torch import Tensor

from shallowsight.model.tower.families import Reads


def inputs_of(reads: Reads, pixels_BCHW: Tensor, patch: int) -> dict[str, Any]:
    """The arguments of the forward pass of a model of a family."""
    if reads == "cut_patches":
        return _cut(pixels_BCHW, patch)
    given: dict[str, Any] = {"pixel_values": pixels_BCHW}
    if reads in ("any_size", "all_patches"):
        given["interpolate_pos_encoding"] = True
    if reads == "all_patches":
        # An MAE keeps the patches with the least noise, in the order of their noise: here all, in their own order.
        N = (pixels_BCHW.shape[2] // patch) * (pixels_BCHW.shape[3] // patch)
        given["noise"] = torch.arange(N, device=pixels_BCHW.device).expand(len(pixels_BCHW), N)
    return given


def _cut(pixels_BCHW: Tensor, patch: int) -> dict[str, Any]:
    """As SigLIP 2 (NaFlex) reads a picture: its patches [B, N, p * p * C] row by row, all of them valid."""
    B, C, H, W = pixels_BCHW.shape
    rows, columns = H // patch, W // patch
    cut = pixels_BCHW.reshape(B, C, rows, patch, columns, patch).permute(0, 2, 4, 3, 5, 1)
    device = pixels_BCHW.device
    return {
        "pixel_values": cut.reshape(B, rows * columns, patch * patch * C),
        "pixel_attention_mask": torch.ones(B, rows * columns, dtype=torch.int32, device=device),
        "spatial_shapes": torch.tensor([[rows, columns]], device=device).expand(B, 2),
    }
