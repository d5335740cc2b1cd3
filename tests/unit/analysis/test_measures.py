"""Each measure against another computation in double precision, written as its formula is, over all pictures at once.

Measures compute in double precision too, but for the cosine of patches, whose sums over one picture are in single
precision: 1e-6 holds for all of them.
"""

import itertools
from math import exp, log, sqrt

import numpy as np
import pytest
from layers_of_pictures import LAYERS, PATCHES, Values, measured, pictures

from shallowsight.analysis.measures.cka_pooled import CkaOfPooled
from shallowsight.analysis.measures.cka_rbf import RbfCka
from shallowsight.analysis.measures.cka_tokens import CkaOfPatches
from shallowsight.analysis.measures.cosine_class import CosineOfClassTokens
from shallowsight.analysis.measures.cosine_patch import CosineOfPatches
from shallowsight.analysis.measures.cosine_pooled import CosineOfPooled
from shallowsight.analysis.measures.effective_rank import EffectiveRank
from shallowsight.analysis.measures.mutual_knn import MutualNeighbours
from shallowsight.analysis.measures.norms import Norms
from shallowsight.analysis.measures.procrustes import Procrustes

PAIRS = list(itertools.product(range(LAYERS), repeat=2))


def cosine(x: Values, y: Values) -> float:
    return float(x @ y / sqrt(float(x @ x) * float(y @ y)))


def hsic(k: Values, m: Values) -> float:
    """Song et al. 2012, equation 5, by its sums."""
    n = len(k)
    trace = sum(k[i, j] * m[j, i] for i in range(n) for j in range(n) if i != j)
    k_rows = [sum(k[i, j] for j in range(n) if i != j) for i in range(n)]
    m_rows = [sum(m[i, j] for j in range(n) if i != j) for i in range(n)]
    both = sum(a * b for a, b in zip(k_rows, m_rows, strict=True))
    whole = trace + sum(k_rows) * sum(m_rows) / ((n - 1) * (n - 2)) - 2 * both / (n - 2)
    return float(whole / (n * (n - 3)))


def cka(kernels: list[list[Values]]) -> Values:
    """`kernels[k][m]` is the kernel matrix of layer k in minibatch m."""
    mean = np.zeros((LAYERS, LAYERS))
    sizes = [len(one) for one in kernels[0]]
    for i, j in PAIRS:
        each = [hsic(a, b) * len(a) for a, b in zip(kernels[i], kernels[j], strict=True)]
        mean[i, j] = sum(each) / sum(sizes)
    return np.array([[mean[i, j] / sqrt(mean[i, i] * mean[j, j]) for j in range(LAYERS)] for i in range(LAYERS)])


def minibatches(vectors: Values, size: int) -> list[Values]:
    """A last one of fewer than four is left out."""
    parts = [vectors[first : first + size] for first in range(0, len(vectors), size)]
    return [part for part in parts if len(part) >= 4]


@pytest.mark.parametrize("batch", [1, 7, 16])
def test_cosines(batch: int) -> None:
    states = pictures(20)
    patches = [
        [np.mean([[cosine(x, y) for x, y in zip(states[i, b, 1:], states[j, b, 1:], strict=True)] for b in range(20)])]
        for i, j in PAIRS
    ]
    class_token = [np.mean([cosine(states[i, b, 0], states[j, b, 0]) for b in range(20)]) for i, j in PAIRS]
    pooled = states[:, :, 1:].mean(axis=2)
    means = [np.mean([cosine(pooled[i, b], pooled[j, b]) for b in range(20)]) for i, j in PAIRS]
    for make, expected in (
        (CosineOfPatches, patches),
        (CosineOfClassTokens, class_token),
        (CosineOfPooled, means),
    ):
        found = measured(make, states, batch)
        assert found.matrix == pytest.approx(np.reshape(expected, (LAYERS, LAYERS)), abs=1e-6)
        assert found.pictures == 20


def test_a_tower_without_class_token_has_no_cosine_of_it() -> None:
    found = measured(CosineOfClassTokens, pictures(6), 3, class_token=False)
    assert found.matrix is None and found.absent == "the tower has no class token"


@pytest.mark.parametrize(("count", "used"), [(20, 20), (64, 64), (66, 64), (132, 132)])
def test_linear_cka(count: int, used: int) -> None:
    states = pictures(count)
    pooled = states[:, :, 1:].mean(axis=2)
    kernels = [[one @ one.T for one in minibatches(layer, 64)] for layer in pooled - pooled.mean(axis=1, keepdims=True)]
    found = measured(CkaOfPooled, states, 16)
    assert found.matrix == pytest.approx(cka(kernels), abs=1e-6) and found.pictures == used


@pytest.mark.parametrize("count", [20, 70])
def test_rbf_cka(count: int) -> None:
    states = pictures(count)
    kernels = []
    for layer in states[:, :, 1:].mean(axis=2):
        first = layer[:64]
        width = 0.8 * np.median([np.linalg.norm(a - b) for a, b in itertools.combinations(first, 2)])
        distances = [np.linalg.norm(one[:, None] - one[None], axis=2) for one in minibatches(layer, 64)]
        kernels.append([np.exp(-(one**2) / (2 * width**2)) for one in distances])
    assert measured(RbfCka, states, 16).matrix == pytest.approx(cka(kernels), abs=1e-6)


def test_cka_of_patches_is_that_of_all_where_all_are_drawn() -> None:
    """Four patches a picture, so that the order in which they are drawn is all that is drawn; HSIC ignores it."""
    states = pictures(64)[:, :, :5]
    flat = states[:, :, 1:].reshape(LAYERS, 256, -1)
    kernels = [[one @ one.T] for one in flat - flat.mean(axis=1, keepdims=True)]
    found = measured(CkaOfPatches, states, 64)
    assert found.matrix == pytest.approx(cka(kernels), abs=1e-6) and found.pictures == 64


@pytest.mark.parametrize("batch", [1, 16, 64])
def test_procrustes(batch: int) -> None:
    states = pictures(64)
    centred = states[:, :, 1:].mean(axis=2)
    centred = centred - centred.mean(axis=1, keepdims=True)
    # The best rotation, from the singular vectors, and how much of the next layer it explains.
    expected = []
    for x, y in itertools.pairwise(centred):
        u, _, v = np.linalg.svd(x.T @ y)
        turned = x @ (u @ v)
        expected.append(float((turned * y).sum()) / (np.linalg.norm(x) * np.linalg.norm(y)))
    (values,) = measured(Procrustes, states, batch).profiles.values()
    assert values == pytest.approx(expected, abs=1e-6)


def test_procrustes_of_a_turned_layer_is_one() -> None:
    states = pictures(64)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(12, 12)))[0]
    turned = np.stack([states[2], 7 * states[2] @ turn + 5])
    (values,) = measured(Procrustes, turned, 16).profiles.values()
    assert values == pytest.approx([1.0], abs=1e-6)


@pytest.mark.parametrize("batch", [1, 7, 20])
def test_effective_rank(batch: int) -> None:
    """Eight patches a picture: all are drawn."""
    states = pictures(20)[:, :, :9]
    ranks, ratios = [], []
    for layer in states[:, :, 1:].reshape(LAYERS, 20 * 8, -1):
        singular = np.linalg.svd(layer - layer.mean(axis=0), compute_uv=False)
        shares = singular / singular.sum()
        ranks.append(exp(-sum(p * log(p) for p in shares)))
        ratios.append(float((singular**2).sum() ** 2 / (singular**4).sum()))
    found = measured(EffectiveRank, states, batch).profiles
    assert found["effective rank"] == pytest.approx(ranks, rel=1e-6)
    assert found["participation ratio"] == pytest.approx(ratios, rel=1e-6)


def test_effective_rank_of_one_direction_is_one() -> None:
    line = np.random.default_rng(0).normal(size=(1, 30, 10, 1)) * np.ones((1, 1, 1, 12)) + 3
    found = measured(EffectiveRank, line, 10).profiles
    # Of single precision's rounding in the other eleven directions, whose square roots are added up.
    assert found["effective rank"] == pytest.approx([1.0], abs=1e-3)
    assert found["participation ratio"] == pytest.approx([1.0], abs=1e-6)


def test_mutual_neighbours() -> None:
    states = pictures(40)
    pooled = states[:, :, 1:].mean(axis=2).astype(np.float32).astype(np.float64)
    near = [
        [set(sorted(range(40), key=lambda j: -cosine(v[i], v[j]) if i != j else 9.0)[:10]) for i in range(40)]
        for v in pooled
    ]
    expected = [np.mean([len(a & b) / 10 for a, b in zip(near[i], near[j], strict=True)]) for i, j in PAIRS]
    found = measured(MutualNeighbours, states, 16)
    assert found.matrix == pytest.approx(np.reshape(expected, (LAYERS, LAYERS)), abs=1e-12)
    assert "unrelated layers share 0.256" in found.note


def test_too_few_pictures_for_ten_neighbours() -> None:
    assert measured(MutualNeighbours, pictures(11), 4).absent == "it needs more than 11 pictures"


def test_norms() -> None:
    states = pictures(20)
    states[3, 4, 5] *= 50  # one patch
    lengths = np.sqrt((states[:, :, 1:] ** 2).sum(axis=-1))
    found = measured(Norms, states, 6).profiles
    assert found["mean"] == pytest.approx([layer.mean() for layer in lengths], rel=1e-6)
    assert found["largest"] == pytest.approx([layer.max() for layer in lengths], rel=1e-6)
    expected = [
        np.mean([length > 3 * np.median(picture) for picture in layer for length in picture]) for layer in lengths
    ]
    assert found["share of outliers"] == pytest.approx(expected, abs=1e-12)
    assert found["share of outliers"][3] >= 1 / (20 * PATCHES)
