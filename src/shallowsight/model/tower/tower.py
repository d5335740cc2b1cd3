"""The frozen vision encoder, without the layers above the deepest one in use.

Shapes: B images, H W pixels, N patches, G = sqrt(N), D vision width, p pooling.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shallowsight.errors import ConfigurationError
from shallowsight.study.experiment import Vision


class Tower(nn.Module):
    """A CLIP, SigLIP or DINOv2 encoder without gradients and without its unused layers."""

    def __init__(self, encoder: nn.Module, deepest: int, has_class_token: bool, interpolates: bool) -> None:
        super().__init__()
        self.encoder = encoder.eval().requires_grad_(False)
        self.has_class_token = has_class_token
        self.interpolates = interpolates
        if deepest > len(self.blocks):
            raise ConfigurationError(f"asked for layer {deepest}, the tower has layers 1 to {len(self.blocks)}")
        # transformers applies the last layer norm after the hidden states, so removing deeper layers leaves the hidden
        # states of the others equal bit for bit.
        del self.blocks[deepest:]

    @property
    def blocks(self) -> nn.ModuleList:
        """The layers up to the deepest one used."""
        return _blocks(self.encoder)

    @torch.inference_mode()
    def hidden_states(self, pixels_BCHW: Tensor) -> tuple[Tensor, ...]:
        """`[k]` is the output [B, N(+1), D] of layer k, `[0]` the embeddings; a class token is the first token."""
        more = {"interpolate_pos_encoding": True} if self.interpolates else {}
        states = self.encoder(pixels_BCHW, output_hidden_states=True, **more).hidden_states
        return tuple(states)

    def patches(self, state: Tensor) -> Tensor:
        """[B, N, D]: a hidden state without its class token."""
        return state[:, 1:] if self.has_class_token else state


def features_of(tower: Tower, state: Tensor, vision: Vision) -> Tensor:
    """One layer's features [B, N', D] as fusions take them: class token, scale and pooling as `vision` says.

    With `cls_patch` the class token is kept in front of the (pooled) patches.
    """
    if vision.features == "cls_patch" and not tower.has_class_token:
        raise ConfigurationError(f"vision.features=cls_patch, but {vision.tower} has no class token; use patch")
    if vision.normalize:
        state = F.layer_norm(state, state.shape[-1:])
    patches = _pool(tower.patches(state), vision.pool)
    return torch.cat([state[:, :1], patches], dim=1) if vision.features == "cls_patch" else patches


def _pool(patches: Tensor, p: int) -> Tensor:
    """[B, N, D] -> [B, N / p^2, D], the mean of p x p neighbouring patches."""
    if p == 1:
        return patches
    B, N, D = patches.shape
    G = round(N**0.5)
    grid = patches.transpose(1, 2).reshape(B, D, G, G)
    return F.avg_pool2d(grid, p).flatten(2).transpose(1, 2)


def _blocks(encoder: nn.Module) -> nn.ModuleList:
    stack = encoder.encoder if hasattr(encoder, "encoder") else encoder
    for name in ("layer", "layers"):
        blocks = getattr(stack, name, None)
        if isinstance(blocks, nn.ModuleList):
            return blocks
    raise ConfigurationError(
        f"cannot find the layers of a {type(encoder).__name__}; use a CLIP, SigLIP or DINOv2 model"
    )
