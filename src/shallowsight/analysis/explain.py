"""What layers see in one picture: the patches' main directions as colours, and what resembles one patch.

Shapes: N patches, G = sqrt(N), D vision width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from shallowsight.analysis.hsic import Matrix
from shallowsight.errors import ShallowsightError
from shallowsight.model.encode import PictureEncoder

_CUT = 2.0  # percent of patches at either end that are cut off, so that a few extreme ones do not take all the contrast


@dataclass(frozen=True)
class LayerView:
    """One layer's view of a picture."""

    layer: int
    colors: Matrix  # [G, G, 3], red, green and blue from 0 to 1
    explained: float  # share of the patches' variance in the three directions
    likeness: Matrix | None  # [G, G] cosine to the chosen patch


def views(
    encoder: PictureEncoder, pixels_1CHW: Tensor, layers: Sequence[int], patch: tuple[int, int] | None
) -> list[LayerView]:
    """Each layer's view; `patch` is (row, column) of the patch to compare with.

    Raises:
        ShallowsightError: the hidden states are not finite.
    """
    states = encoder.hidden_states(pixels_1CHW)
    found = []
    brightness: Matrix | None = None
    for layer in layers:
        patches_ND: Matrix = encoder.tower.patches(states[layer])[0].double().cpu().numpy()
        if not np.isfinite(patches_ND).all():
            raise ShallowsightError(f"layer {layer} holds values that are no finite numbers; try other weights")
        if brightness is None:
            brightness = _brightness(pixels_1CHW, len(patches_ND))
        colors, explained = main_directions(patches_ND, brightness)
        found.append(LayerView(layer, colors, explained, None if patch is None else _likeness(patches_ND, patch)))
    return found


def main_directions(patches_ND: Matrix, brightness_N: Matrix) -> tuple[Matrix, float]:
    """The three main directions of the patches as red, green and blue [G, G, 3], and their share of the variance.

    A direction's sign is free. Here a colour is strong where the picture is bright rather than where it is dark, so
    that layers can be compared; where that says nothing, it is strong at the patch that lies farthest out.
    """
    centred = patches_ND - patches_ND.mean(axis=0)
    u, singular, _ = np.linalg.svd(centred, full_matrices=False)
    count = min(3, u.shape[1])
    places = np.zeros((len(centred), 3))  # of fewer than three directions the others stay dark
    places[:, :count] = u[:, :count] * singular[:count]
    farthest = places[np.abs(places).argmax(axis=0), np.arange(3)]
    with_brightness = np.round(places.T @ (brightness_N - brightness_N.mean()), 9)
    places *= np.sign(np.where(with_brightness != 0, with_brightness, farthest))
    low, high = np.percentile(places, [_CUT, 100 - _CUT], axis=0)
    scaled = np.clip((places - low) / np.maximum(high - low, np.finfo(np.float64).tiny), 0.0, 1.0)
    total = max(float((singular**2).sum()), np.finfo(np.float64).tiny)
    G = round(len(centred) ** 0.5)
    return scaled.reshape(G, G, 3), float((singular[:3] ** 2).sum()) / total


def _brightness(pixels_1CHW: Tensor, patches: int) -> Matrix:
    """[N]: the mean of each patch's pixels."""
    G = round(patches**0.5)
    means: Matrix = F.adaptive_avg_pool2d(pixels_1CHW[0].double().mean(dim=0)[None], G).flatten().cpu().numpy()
    return means


def _likeness(patches_ND: Matrix, patch: tuple[int, int]) -> Matrix:
    G = round(len(patches_ND) ** 0.5)
    lengths = np.linalg.norm(patches_ND, axis=1, keepdims=True)
    unit = patches_ND / np.maximum(lengths, np.finfo(np.float64).tiny)
    return np.asarray((unit @ unit[patch[0] * G + patch[1]]).reshape(G, G))
