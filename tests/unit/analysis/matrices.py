"""Similarity matrices for the tests of groups: the paper's, and made ones."""

import numpy as np

from shallowsight.analysis.pace import Matrix

# Paper, figure 1a: cosine similarity of layers i and i+1, i+2, ... of CLIP-ViT-L/14-336, in hundredths, read off the
# picture by colour (each about 0.02 uncertain).
FIGURE_1A = (
    (89, 80, 63, 50, 42, 33, 29, 24, 20, 15, 11, 6, 5, 4, 3, 3, 2, 2, 2, 2, 2, 1, 1),
    (88, 76, 61, 53, 43, 36, 29, 24, 19, 13, 6, 5, 4, 4, 3, 2, 2, 2, 2, 1, 1, 1),
    (85, 73, 64, 51, 44, 35, 28, 23, 16, 9, 6, 5, 4, 4, 3, 3, 4, 3, 2, 1, 1),
    (89, 78, 66, 56, 46, 35, 30, 20, 10, 9, 6, 5, 5, 4, 4, 4, 3, 2, 1, 1),
    (88, 76, 63, 52, 42, 31, 23, 11, 9, 9, 6, 5, 5, 4, 4, 4, 3, 2, 1),
    (84, 71, 60, 47, 37, 24, 12, 10, 9, 7, 6, 6, 6, 6, 5, 4, 4, 1),
    (87, 71, 56, 46, 31, 15, 12, 10, 9, 9, 6, 7, 7, 6, 6, 6, 5),
    (83, 68, 54, 37, 20, 15, 13, 11, 11, 10, 10, 9, 9, 9, 9, 6),
    (82, 66, 50, 24, 21, 18, 17, 16, 15, 14, 14, 10, 11, 11, 10),
    (83, 62, 34, 30, 26, 24, 22, 20, 21, 19, 13, 14, 13, 11),
    (74, 45, 37, 33, 31, 28, 28, 27, 24, 16, 16, 18, 15),
    (81, 74, 70, 66, 64, 60, 57, 50, 33, 34, 34, 32),
    (96, 93, 89, 86, 82, 77, 68, 44, 46, 46, 42),
    (97, 94, 89, 85, 80, 70, 46, 48, 47, 45),
    (96, 93, 88, 83, 73, 48, 50, 50, 46),
    (96, 91, 86, 78, 50, 52, 51, 50),
    (96, 90, 82, 54, 56, 55, 53),
    (95, 86, 55, 57, 58, 54),
    (92, 61, 62, 62, 58),
    (73, 74, 72, 66),
    (93, 88, 81),
    (96, 88),
    (93,),
)


def paper() -> Matrix:
    upper = np.zeros((24, 24))
    for i, row in enumerate(FIGURE_1A):
        upper[i, i + 1 :] = np.array(row) / 100
    return upper + upper.T + np.eye(24)


def blocks(ends: tuple[int, ...], noise: float = 0.0, seed: int = 0) -> Matrix:
    """0.9 within a block, 0.3 between blocks."""
    layers = ends[-1]
    block = np.searchsorted(ends, np.arange(1, layers + 1))
    similarity = np.where(block[:, None] == block[None, :], 0.9, 0.3)
    shaken = np.random.default_rng(seed).normal(0, noise, (layers, layers))
    similarity = similarity + (shaken + shaken.T) / 2
    np.fill_diagonal(similarity, 1.0)
    return similarity


def by_lag(layers: int, decay: float) -> Matrix:
    """A smooth tower without any noise: similarity depends on the distance of two layers alone."""
    at = np.arange(layers)
    return np.asarray(decay ** np.abs(at[:, None] - at[None, :]), dtype=np.float64)
