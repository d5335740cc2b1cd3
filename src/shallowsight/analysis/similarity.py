"""Measure the similarity of a tower's layers in one pass over the images, with constant memory.

There are two measures, both layer x layer over the same pictures (the paper does not say which variant it uses):
- cosine: mean over images and patches of the cosine between the two layers' vectors of the same patch;
- CKA: linear, between the layers' mean patch vectors, over minibatches with the unbiased estimator of HSIC
  (Song et al. 2012; Nguyen et al. 2021, arXiv 2010.15327), so that small batches do not inflate it.

Shapes: K layers, B images, N patches, D vision width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

MIN_BATCH = 4  # the unbiased estimator divides by (B - 3)


class Similarity:
    """Add batches of hidden states, then read the matrices. Layers are in the order given, without the embeddings."""

    def __init__(self, layers: int) -> None:
        self._cosine = torch.zeros(layers, layers, dtype=torch.float64)
        self._hsic = torch.zeros(layers, layers, dtype=torch.float64)
        self._images = 0

    def add(self, states_KBND: Tensor) -> None:
        """Add the patch vectors of the same images at every layer.

        Raises:
            ValueError: fewer than four images.
        """
        K, B, N, _ = states_KBND.shape
        if B < MIN_BATCH:
            raise ValueError(f"a batch needs at least {MIN_BATCH} images, got {B}")
        unit = F.normalize(states_KBND.float(), dim=-1)
        flat = unit.reshape(K, -1)
        self._cosine += (flat @ flat.T).double() / N  # sum over images
        self._hsic += _hsic(states_KBND.double().mean(dim=2))
        self._images += B

    def cosine(self) -> Tensor:
        """[K, K], 1 on the diagonal."""
        return self._cosine / self._images

    def cka(self) -> Tensor:
        """[K, K], 1 on the diagonal; may lie slightly below 0 for unrelated layers."""
        own = self._hsic.diagonal().clamp_min(torch.finfo(torch.float64).tiny).sqrt()
        return self._hsic / torch.outer(own, own)


def _hsic(means_KBD: Tensor) -> Tensor:
    """[K, K] unbiased HSIC of one batch with linear kernels."""
    K, B, _ = means_KBD.shape
    gram = means_KBD @ means_KBD.transpose(1, 2)
    gram.diagonal(dim1=1, dim2=2).zero_()
    rows = gram.sum(dim=2)  # K, B
    total = rows.sum(dim=1)  # K
    trace = gram.reshape(K, -1) @ gram.reshape(K, -1).T
    return (trace + torch.outer(total, total) / ((B - 1) * (B - 2)) - 2 * (rows @ rows.T) / (B - 2)) / (B * (B - 3))
