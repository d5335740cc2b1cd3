"""The streamed measures against direct ones, written as the formulas are."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from shallowsight.analysis.similarity import Similarity

K, N, D = 4, 5, 6


def states(images: int, seed: int = 0, layers: int = K) -> Tensor:
    """Layers that share something, at different scales."""
    generator = torch.Generator().manual_seed(seed)
    common = torch.randn(images, N, D, generator=generator)
    return torch.stack(
        [(common + 0.7 * k * torch.randn(images, N, D, generator=generator)) * 3**k for k in range(layers)]
    )


def streamed(whole: Tensor, batch: int) -> Similarity:
    found = Similarity()
    for first in range(0, whole.shape[1], batch):
        found.add(whole[:, first : first + batch])
    return found


def naive_cosine(whole: Tensor) -> Tensor:
    layers, images, patches, _ = whole.shape
    out = torch.zeros(layers, layers, dtype=torch.float64)
    for i, j in itertools.product(range(layers), repeat=2):
        total = 0.0
        for b, n in itertools.product(range(images), range(patches)):
            x, y = whole[i, b, n].double(), whole[j, b, n].double()
            total += float(x @ y / (x.norm() * y.norm()))
        out[i, j] = total / (images * patches)
    return out


def naive_hsic(x: Tensor, y: Tensor) -> float:
    """Song et al. 2012, equation 5, over images, with linear kernels."""
    n = len(x)
    k, m = x @ x.T, y @ y.T
    k, m = k - torch.diag(k.diagonal()), m - torch.diag(m.diagonal())
    one = torch.ones(n, dtype=k.dtype)
    value = (
        (k @ m).trace() + (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ m @ one)
    )
    return float(value / (n * (n - 3)))


def naive_cka(whole: Tensor) -> Tensor:
    means = whole.double().mean(dim=2)
    hsic = torch.zeros(len(whole), len(whole), dtype=torch.float64)
    for i, j in itertools.product(range(len(whole)), repeat=2):
        hsic[i, j] = naive_hsic(means[i], means[j])
    own = hsic.diagonal().sqrt()
    return hsic / torch.outer(own, own)


def test_cosine_is_the_double_loop() -> None:
    whole = states(8)
    found = streamed(whole, 4).cosine()
    assert found == pytest.approx(naive_cosine(whole).numpy(), abs=1e-6)
    assert found.diagonal() == pytest.approx(np.ones(K), abs=1e-6)
    assert found[0, 1] > found[0, 2] > found[0, 3] > 0, "the further, the less alike"


@pytest.mark.parametrize("batch", [1, 2, 5, 12, 24])
def test_neither_depends_on_the_batch(batch: int) -> None:
    """Apart from rounding: the cosines are summed in single precision, the rest in double."""
    whole = states(24)
    found, expected = streamed(whole, batch), streamed(whole, 24)
    assert found.images == expected.images == 24
    assert found.cosine() == pytest.approx(expected.cosine(), abs=1e-6)
    assert found.cka() == pytest.approx(expected.cka(), abs=1e-12)


def test_the_order_of_the_pictures_does_not_matter() -> None:
    """Batches of pictures of one kind made CKA wrong when it was averaged over batches."""
    whole = states(24)
    whole[:, :12] += 5 * torch.randn(D, generator=torch.Generator().manual_seed(1))  # one kind of picture, then another
    mixed = whole[:, torch.randperm(24, generator=torch.Generator().manual_seed(2))]
    assert streamed(mixed, 4).cka() == pytest.approx(streamed(whole, 4).cka(), abs=1e-9)


@pytest.mark.parametrize("images", [4, 5, 12, 40])
def test_cka_is_the_direct_computation(images: int) -> None:
    whole = states(images)
    found = streamed(whole, 3).cka()
    assert found == pytest.approx(naive_cka(whole).numpy(), abs=1e-6)
    assert found.diagonal() == pytest.approx(np.ones(K)) and found == pytest.approx(found.T)


def test_cka_with_means_that_are_large() -> None:
    """The mean of a deep layer can be far larger than what differs between pictures."""
    whole = states(12).double()
    assert streamed(whole + 1e4, 12).cka() == pytest.approx(naive_cka(whole).numpy(), abs=1e-6)


def test_some_of_the_images() -> None:
    whole, chosen = states(24), [1, 2, 3, 5, 8, 13, 21]
    found, expected = streamed(whole, 6), streamed(whole[:, chosen], 7)
    assert found.cosine(chosen) == pytest.approx(expected.cosine(), abs=1e-6)
    assert found.cka(chosen) == pytest.approx(expected.cka(), abs=1e-12)


def test_images_that_are_added_after_reading() -> None:
    whole = states(12)
    found = streamed(whole[:, :6], 6)
    found.cka()
    found.add(whole[:, 6:])
    assert found.cka() == pytest.approx(streamed(whole, 12).cka(), abs=1e-12)


def test_cka_ignores_scale_shift_and_rotation() -> None:
    (x,) = states(16, layers=1).double()
    rotation = torch.linalg.qr(torch.randn(D, D, dtype=torch.float64)).Q
    assert streamed(torch.stack([x, 5 * x @ rotation + 3]), 16).cka() == pytest.approx(np.ones((2, 2)))


def test_cka_of_unrelated_layers_is_about_zero() -> None:
    """The biased estimator would give 32 / (32 + 40), about 0.4."""
    unrelated = torch.randn(2, 40, 1, 32, generator=torch.Generator().manual_seed(0))
    assert abs(float(streamed(unrelated, 40).cka()[0, 1])) < 0.2


def test_too_few_images() -> None:
    with pytest.raises(ValueError, match="CKA needs at least 4 images, got 3"):
        streamed(states(3), 3).cka()
    with pytest.raises(ValueError, match="CKA needs at least 4 images, got 2"):
        streamed(states(8), 8).cka([0, 1])


def test_what_is_added_is_not_changed() -> None:
    whole = states(4)
    before = whole.clone()
    streamed(whole, 4).cka()
    assert torch.equal(whole, before)
