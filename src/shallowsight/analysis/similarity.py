"""The similarity of a tower's layers over pictures, in one pass.

There are two measures, both layer x layer over the same pictures (the paper does not say which variant it uses):
- cosine: mean over images and patches of the cosine between the two layers' vectors of the same patch. A direction that
  all patches share counts too, so a layer with a large mean vector is similar to others with the same one;
- CKA: linear, between the layers' mean patch vectors, over all images at once, with the unbiased estimator of HSIC
  (Song et al. 2012, equation 5). It does not see the layers' mean vectors, scales and rotations. The three HSIC values
  are unbiased, their ratio only nearly.

What is kept is small: for K layers and B images B x K x K cosines, K x B x D means and K x B x B products of means, in
double precision (12 layers, 208 images, width 384: 12 MB). Neither measure depends on how images are put into batches.

Shapes: K layers, B images, N patches, D vision width.
"""

from collections.abc import Sequence

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from shallowsight.analysis.hsic import LEAST_IMAGES, Matrix, ratio, unbiased_hsic


class Similarity:
    """Add hidden states, then read the matrices. Layers are in the order given, without the embeddings."""

    def __init__(self) -> None:
        self._cosines: list[Matrix] = []  # each B, K, K
        self._means: list[Matrix] = []  # each K, B, D
        self._products: Matrix | None = None  # K, B, B

    def add(self, states_KBND: Tensor) -> None:
        """Add the patch vectors of the same images at every layer."""
        K, B, N, _ = states_KBND.shape
        flat = F.normalize(states_KBND.float(), dim=-1).transpose(0, 1).reshape(B, K, -1)
        self._cosines.append((flat @ flat.transpose(1, 2)).double().div(N).cpu().numpy())
        self._means.append(states_KBND.double().mean(dim=2).cpu().numpy())
        self._products = None

    @property
    def images(self) -> int:
        return sum(len(part) for part in self._cosines)

    def cosine(self, images: Sequence[int] | None = None) -> Matrix:
        """[K, K], 1 on the diagonal; over the images with these numbers, or all."""
        every = np.concatenate(self._cosines)
        return np.asarray((every if images is None else every[list(images)]).mean(axis=0))

    def cka(self, images: Sequence[int] | None = None) -> Matrix:
        """[K, K], 1 on the diagonal; may lie slightly below 0 for unrelated layers.

        Raises:
            ValueError: fewer than four images.
        """
        chosen = np.arange(self.images) if images is None else np.asarray(images)
        if len(chosen) < LEAST_IMAGES:
            raise ValueError(f"CKA needs at least {LEAST_IMAGES} images, got {len(chosen)}")
        return ratio(unbiased_hsic(self._all_products()[:, chosen[:, None], chosen]))

    def _all_products(self) -> Matrix:
        """[K, B, B] scalar products of the mean vectors; of an image with itself 0, as the estimator wants."""
        if self._products is None:
            means = np.concatenate(self._means, axis=1)
            # The products of large common vectors would hide the rest in rounding; the estimator ignores a shift.
            means = means - means.mean(axis=1, keepdims=True)
            self._products = means @ means.transpose(0, 2, 1)
            self._products[:, np.arange(self.images), np.arange(self.images)] = 0.0
        return self._products
