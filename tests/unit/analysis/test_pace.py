"""Changes of pace: none in smooth towers, the planted ones in towers with groups, and the paper's in its figure."""

import numpy as np
import pytest
from matrices import blocks, by_lag, paper

from benchmarks.grouping import SMOOTH, jumps, paces, places_of, power, tower, wrong
from shallowsight.analysis.pace import ERROR_RATE, find_changes, most_changes

TOWERS = 100
READ_TO = 0.02  # the uncertainty of the paper's figure
# At most 5 % of smooth towers may have groups; of a hundred, more than 12 then have some in two runs of a thousand.
MOST_WRONG = 0.12


@pytest.mark.parametrize("layers", [1, 2, 6, 7, 8, 12, 24, 48])
@pytest.mark.parametrize("decay", [0.6, 0.9, 0.99])
def test_a_similarity_by_distance_alone_has_no_groups(layers: int, decay: float) -> None:
    assert find_changes(by_lag(layers, decay)).found == ()


@pytest.mark.parametrize("depth", [8, 12, 24])
@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_towers_have_no_groups(name: str, depth: int) -> None:
    assert wrong(SMOOTH[name], depth, TOWERS) <= MOST_WRONG


def test_the_p_of_smooth_towers_is_uniform() -> None:
    """The test itself, without the condition that a change is twofold."""
    random, kind = np.random.default_rng(0), SMOOTH["even pace, exponential"]
    p = [find_changes(tower(kind, 24, random)).p for _ in range(TOWERS)]
    assert np.mean([each is not None and each <= ERROR_RATE for each in p]) <= MOST_WRONG
    assert 0.35 < np.mean([each is not None and each <= 0.5 for each in p]) < 0.65, "three standard errors"


@pytest.mark.parametrize(("depth", "groups"), [(12, 2), (24, 2), (24, 3), (24, 4)])
def test_clear_jumps_are_found_in_their_places(depth: int, groups: int) -> None:
    borders = places_of(depth, groups)
    kind = SMOOTH["even pace, exponential"]
    assert power(kind, depth, borders, jumps(depth, borders, 5.0), 30).exact >= 0.8, "the benchmark says 0.99"


@pytest.mark.parametrize("depth", [12, 24])
def test_a_clear_change_of_pace_is_found_in_its_place(depth: int) -> None:
    borders = places_of(depth, 2)
    kind = SMOOTH["four times faster early"]
    assert power(kind, depth, borders, paces(depth, borders, 5.0), 30).exact >= 0.7


@pytest.mark.parametrize("ends", [(6, 12), (4, 12), (4, 8, 12), (8, 16, 24), (11, 20, 24), (6, 12, 18, 24)], ids=str)
def test_planted_blocks(ends: tuple[int, ...]) -> None:
    assert find_changes(blocks(ends, noise=0.01)).borders == ends[:-1]


def test_the_layer_at_a_change_of_pace_belongs_to_the_slower_side() -> None:
    def at(steps: list[float]) -> tuple[int, ...]:
        wobble = np.resize([1.05, 0.95, 1.0], len(steps))  # without any irregularity, nothing would be irregular
        places = np.concatenate([[0.0], np.cumsum(steps * wobble)])
        return find_changes(np.exp(-np.abs(places[:, None] - places))).borders

    fast, slow = [0.3] * 10, [0.05] * 10  # step k lies between layers k and k + 1
    assert at(fast + slow) == (10,), "steps 1-10 are fast, so layer 11 is close to 12 and far from 10"
    assert at(slow + fast) == (11,), "steps 1-10 are slow, so layer 11 is close to 10 and far from 12"


def test_the_papers_figure_gives_its_groups() -> None:
    """1-12, 13-20 and 21-24: the pace falls after layer 12, and there is a jump after layer 20."""
    changes = find_changes(paper(), READ_TO)
    assert changes.borders == (12, 20)
    assert {change.after: change.kind for change in changes.found} == {12: "pace", 20: "jump"}
    assert changes.p is not None and changes.p <= 0.01
    factor = {change.after: change.factor for change in changes.found}
    assert factor[12] < 0.5 and factor[20] > 2


def test_a_figure_read_a_little_wrong_gives_the_same_groups() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        shaken = paper() + random.uniform(-0.02, 0.02, (24, 24))
        assert find_changes((shaken + shaken.T) / 2, READ_TO).borders == (12, 20)


def test_too_few_layers_for_a_test() -> None:
    assert find_changes(blocks((3, 7))).p is None and find_changes(blocks((4, 8))).p is not None
    assert [most_changes(layers - 1) for layers in (1, 2, 7, 8, 12, 24, 48)] == [0, 0, 0, 1, 2, 4, 4]


def test_a_change_that_is_not_twofold_is_no_border() -> None:
    """However sure it is: the bend of a trend would look like it."""
    steps = 0.1 * (1 + 0.01 * np.resize([1, -1, 0], 23))
    steps[11] *= 1.8
    places = np.concatenate([[0.0], np.cumsum(steps)])
    changes = find_changes(np.exp(-np.abs(places[:, None] - places)))
    assert changes.found == () and changes.p is not None and changes.p <= ERROR_RATE


def test_equal_each_time() -> None:
    assert find_changes(paper()) == find_changes(paper())


@pytest.mark.parametrize("shape", [(2, 3), (4,)])
def test_refuses_what_is_not_square(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a similarity matrix is square, got the shape"):
        find_changes(np.ones(shape))
