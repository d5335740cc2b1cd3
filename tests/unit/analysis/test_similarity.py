"""The streamed measures against direct ones, written as the formulas are."""

import itertools

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
    found = Similarity(len(whole))
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


def naive_cka(whole: Tensor, batch: int) -> Tensor:
    means = whole.double().mean(dim=2)
    hsic = torch.zeros(len(whole), len(whole), dtype=torch.float64)
    for first in range(0, means.shape[1], batch):
        part = means[:, first : first + batch]
        for i, j in itertools.product(range(len(whole)), repeat=2):
            hsic[i, j] += naive_hsic(part[i], part[j])
    own = hsic.diagonal().sqrt()
    return hsic / torch.outer(own, own)


def test_cosine_is_the_double_loop() -> None:
    whole = states(8)
    found = streamed(whole, 4).cosine()
    torch.testing.assert_close(found, naive_cosine(whole), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.diagonal(), torch.ones(K, dtype=torch.float64), atol=1e-6, rtol=0)
    assert found[0, 1] > found[0, 2] > found[0, 3] > 0, "the further, the less alike"


@pytest.mark.parametrize("batch", [4, 8, 12, 24])
def test_cosine_does_not_depend_on_the_batch(batch: int) -> None:
    whole = states(24)
    torch.testing.assert_close(streamed(whole, batch).cosine(), streamed(whole, 24).cosine(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("batch", [4, 6, 12])
def test_cka_is_the_direct_computation(batch: int) -> None:
    whole = states(12)
    found = streamed(whole, batch).cka()
    torch.testing.assert_close(found, naive_cka(whole, batch), atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(found.diagonal(), torch.ones(K, dtype=torch.float64))
    torch.testing.assert_close(found, found.T)


def test_cka_ignores_scale_shift_and_rotation() -> None:
    (x,) = states(16, layers=1).double()
    rotation = torch.linalg.qr(torch.randn(D, D, dtype=torch.float64)).Q
    found = streamed(torch.stack([x, 5 * x @ rotation + 3]), 16).cka()
    torch.testing.assert_close(found, torch.ones(2, 2, dtype=torch.float64))


def test_cka_of_unrelated_layers_is_about_zero() -> None:
    """The biased estimator would give about 0.8 with batches of eight."""
    unrelated = torch.randn(2, 800, 1, 32, generator=torch.Generator().manual_seed(0))
    assert abs(float(streamed(unrelated, 8).cka()[0, 1])) < 0.1


def test_too_small_a_batch() -> None:
    with pytest.raises(ValueError, match="a batch needs at least 4 images, got 3"):
        Similarity(K).add(states(3))


def test_what_is_added_is_not_changed() -> None:
    whole = states(4)
    before = whole.clone()
    Similarity(K).add(whole)
    assert torch.equal(whole, before)
