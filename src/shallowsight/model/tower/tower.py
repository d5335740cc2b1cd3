"""The frozen vision encoder, without the layers above the deepest one in use.

Shapes: B images, H W pixels, N patches, G = sqrt(N), D vision width, p pooling.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shallowsight.errors import ConfigurationError
from shallowsight.model.tower.families import family_of
from shallowsight.model.tower.inputs import inputs_of
from shallowsight.study.experiment import Vision
from shallowsight.study.resolved import TowerFacts


class Tower(nn.Module):
    """A vision model of transformers without gradients, and after `cut` without its unused layers."""

    def __init__(self, encoder: nn.Module, facts: TowerFacts) -> None:
        super().__init__()
        self.encoder = encoder.eval().requires_grad_(False)
        self.facts = facts
        self._family = family_of(facts.family)
        self._place = _place_of_layers(encoder, facts.depth)

    @property
    def interpolates(self) -> bool:
        """Whether the model has positions for one size, and is asked to interpolate them for others."""
        return self._family.reads == "any_size"

    @property
    def blocks(self) -> nn.ModuleList | None:
        """The layers up to the deepest one used; None where they are not found in the model."""
        if self._place is None:
            return None
        found = self.encoder.get_submodule(self._place)
        assert isinstance(found, nn.ModuleList)
        return found

    def cut(self, deepest: int) -> list[nn.Module]:
        """Remove the layers above the deepest one in use, and return them; nothing where they are not found.

        transformers takes hidden states before the last layer norm, so that those of the layers that are left do not
        change by a bit.
        """
        if deepest > self.facts.depth:
            raise ConfigurationError(f"asked for layer {deepest}, the tower has layers 1 to {self.facts.depth}")
        if self.blocks is None:
            return []
        removed = list(self.blocks[deepest:])
        del self.blocks[deepest:]
        if removed and self._family.tail is not None:
            setattr(self.encoder, self._family.tail, nn.Identity())
        return removed

    @torch.inference_mode()
    def hidden_states(self, pixels_BCHW: Tensor) -> tuple[Tensor, ...]:
        """`[k]` is the output of layer k, `[0]` the embeddings.

        Each is [B, prefix tokens + N, D]; a class token is the first token. Of a tower in stages each is [B, N, D] with
        its own D, resampled to the grid of the patch that the facts say.
        """
        given = inputs_of(self._family.reads, pixels_BCHW, self.facts.patch)
        states = self.encoder(**given, output_hidden_states=True).hidden_states
        if states is None:
            raise ConfigurationError(f"vision.tower: a {self.facts.family!r} model gives no hidden states")
        if not self.facts.stride:
            return tuple(states)
        return tuple(_on_grid(state, pixels_BCHW.shape[-1] // self.facts.patch) for state in states)

    def patches(self, state: Tensor) -> Tensor:
        """[B, N, D]: a hidden state without class token, registers and other tokens before the patches."""
        return state[:, self.facts.prefix_tokens :]


def features_of(tower: Tower, state: Tensor, vision: Vision) -> Tensor:
    """One layer's features [B, N', D] as fusions take them: class token, scale and pooling as `vision` says.

    With `cls_patch` the class token is kept in front of the (pooled) patches; registers are dropped.
    """
    if vision.features == "cls_patch" and not tower.facts.has_class_token:
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


def _on_grid(state_BDHW: Tensor, G: int) -> Tensor:
    """[B, G * G, D]: a stage's output, resampled."""
    grid = F.interpolate(state_BDHW.float(), (G, G), mode="bilinear", align_corners=False)
    return grid.to(state_BDHW.dtype).flatten(2).transpose(1, 2)


def _place_of_layers(encoder: nn.Module, depth: int) -> str | None:
    """The name of the only list of `depth` modules that is in no other such list; None where there is not just one."""
    lists = [name for name, part in encoder.named_modules() if isinstance(part, nn.ModuleList) and len(part) == depth]
    outer = [name for name in lists if not any(name.startswith(f"{other}.") for other in lists)]
    return outer[0] if len(outer) == 1 else None
