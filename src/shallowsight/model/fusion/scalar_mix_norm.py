"""The scalar mix of normalised layers."""

import torch.nn.functional as F
from torch import Tensor

from shallowsight.model.fusion.fusion import Features
from shallowsight.model.fusion.scalar_mix import ScalarMix


class ScalarMixNorm(ScalarMix):
    """A scalar mix of layers whose vectors have mean 0 and variance 1, by a layer norm without parameters.

    ELMo (arXiv 1802.05365, section 3.2) normalises layers of different scales so. With vision.normalize=true the
    vectors are normalised already, before they are pooled.
    """

    def read(self, features: Features, layer: int) -> Tensor:
        """[B, N, D]: a layer as it goes into the sum."""
        values = features[layer]
        return F.layer_norm(values, values.shape[-1:])
