"""Groups: planted ones are found exactly, the best cut is the best of all, and the paper's figure gives its groups."""

from itertools import combinations

import numpy as np
import pytest

from shallowsight.analysis.grouping import Matrix, boundaries, find_groups, stability

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


def planted(ends: tuple[int, ...], noise: float = 0.0, seed: int = 0) -> Matrix:
    """0.9 within a block, 0.3 between blocks."""
    layers = ends[-1]
    block = np.searchsorted(ends, np.arange(1, layers + 1))
    similarity = np.where(block[:, None] == block[None, :], 0.9, 0.3)
    shaken = np.random.default_rng(seed).normal(0, noise, (layers, layers)) if noise else np.zeros((layers, layers))
    similarity = similarity + (shaken + shaken.T) / 2
    np.fill_diagonal(similarity, 1.0)
    return similarity


def cost_of(similarity: Matrix, ends: tuple[int, ...]) -> float:
    """The sum over groups of (1 - similarity) / size, said plainly."""
    total, first = 0.0, 0
    for end in ends:
        total += float((1 - similarity[first:end, first:end]).sum()) / (end - first)
        first = end
    return total


@pytest.mark.parametrize(
    "ends", [(4, 8, 12), (2, 9, 12), (1, 2, 12), (11, 20, 24), (12,), (5, 12), (1, 2, 3, 4), (3, 6, 9, 12, 15)], ids=str
)
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_planted_blocks_are_recovered(ends: tuple[int, ...], noise: float) -> None:
    similarity = planted(ends, noise)
    assert boundaries(similarity, len(ends)) == ends
    groups = find_groups(similarity, len(ends))
    assert [layer for group in groups for layer in group.layers] == list(range(1, ends[-1] + 1))
    assert tuple(group.layers[-1] for group in groups) == ends


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_cut_is_the_best_of_all(seed: int, count: int) -> None:
    values = np.random.default_rng(seed).uniform(0, 1, (9, 9))
    similarity = (values + values.T) / 2
    np.fill_diagonal(similarity, 1.0)
    every = [(*inner, 9) for inner in combinations(range(1, 9), count - 1)]
    best = min(every, key=lambda ends: cost_of(similarity, ends))
    assert boundaries(similarity, count) == best


def test_the_papers_figure_gives_its_groups() -> None:
    """The paper says 1-12, 13-20, 21-24; the first border is one layer off."""
    shallow, middle, deep = find_groups(paper())
    assert (shallow.name, middle.name, deep.name) == ("shallow", "middle", "deep")
    assert shallow.layers == tuple(range(1, 12))
    assert middle.layers == tuple(range(12, 21))
    assert deep.layers == tuple(range(21, 25))


def test_a_figure_read_a_little_wrong_gives_the_same_groups() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        shaken = paper() + random.uniform(-0.02, 0.02, (24, 24))
        first, second = boundaries((shaken + shaken.T) / 2, 3)[:2]
        assert first in (11, 12) and second == 20


def test_the_representative_is_the_medoid() -> None:
    similarity = paper()
    for group in find_groups(similarity):
        means = {i: np.mean([similarity[i - 1, j - 1] for j in group.layers]) for i in group.layers}
        assert means[group.representative] == pytest.approx(max(means.values()))


def test_the_deeper_of_equals_represents() -> None:
    assert [g.representative for g in find_groups(planted((4, 8, 12)))] == [4, 8, 12]


@pytest.mark.parametrize(
    ("count", "names"),
    [(1, ["all"]), (2, ["shallow", "deep"]), (4, ["group 1", "group 2", "group 3", "group 4"])],
)
def test_names(count: int, names: list[str]) -> None:
    assert [g.name for g in find_groups(planted((4, 8, 12)), count)] == names


@pytest.mark.parametrize(
    ("similarity", "count", "message"),
    [
        pytest.param(
            np.eye(2), 3, r"cannot cut a matrix of shape \(2, 2\) into 3 groups", id="fewer layers than groups"
        ),
        pytest.param(np.eye(4), 0, r"cannot cut a matrix of shape \(4, 4\) into 0 groups", id="no groups"),
        pytest.param(np.ones((2, 3)), 1, r"cannot cut a matrix of shape \(2, 3\) into 1 groups", id="not square"),
    ],
)
def test_refuses(similarity: Matrix, count: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_groups(similarity, count)


def test_stability_of_clear_groups_is_one() -> None:
    batches = [planted((4, 8, 12), 0.02, seed) for seed in range(6)]
    assert stability(batches, 3, draws=50, seed=0) == {4: 1.0, 8: 1.0}


def test_stability_of_doubtful_groups_is_less() -> None:
    batches = [planted((4, 8, 12), 0.02, s) for s in range(4)] + [planted((5, 8, 12), 0.02, s) for s in range(3)]
    found = stability(batches, 3, draws=200, seed=0)
    assert list(found) == [4, 8] and 0.3 < found[4] < 0.95 and found[8] == 1.0
    assert stability(batches, 3, draws=200, seed=0) == found
    assert all(0.0 <= share <= 1.0 for share in found.values())


def test_stability_of_noise_is_low() -> None:
    random = np.random.default_rng(1)
    noise = [random.uniform(0, 1, (12, 12)) for _ in range(8)]
    found = stability([(m + m.T) / 2 for m in noise], 3, draws=100, seed=0)
    assert all(0.0 <= share <= 1.0 for share in found.values()) and min(found.values()) < 0.9


def test_one_group_has_no_border() -> None:
    assert stability([planted((4, 8))], 1, draws=5, seed=0) == {}
