"""What a measure keeps does not grow, does not depend on the batches, and reading does not change it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from layers_of_pictures import measured, pictures

from shallowsight.analysis.measures.attention_distance import AttentionDistance
from shallowsight.analysis.measures.classes import MEASURES
from shallowsight.analysis.measures.drawn_patches import DrawnPatches
from shallowsight.analysis.measures.kinds import KINDS, USUAL, Kind, find_kinds
from shallowsight.analysis.measures.measure import Batch
from shallowsight.analysis.measures.minibatches import MinibatchCka, linear
from shallowsight.analysis.measures.mutual_knn import SAMPLE, MutualNeighbours
from shallowsight.errors import ConfigurationError

OF_STATES = [kind for kind in KINDS if not kind.attentions]


def batch_of_pictures(count: int, seed: int) -> Batch:
    part = torch.from_numpy(pictures(count, seed)).float()
    return Batch(list(part[:, :, 1:]), list(part[:, :, 0]))


def kept(value: object, seen: set[int] | None = None) -> int:
    """Bytes of all arrays that an object holds, directly or in what it holds; a view counts as what it is a view of."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return kept(value.base, seen) if isinstance(value.base, np.ndarray) else value.nbytes
    if isinstance(value, torch.Tensor):
        return value.untyped_storage().nbytes()
    if isinstance(value, list | tuple):
        return sum(kept(each, seen) for each in value)
    if isinstance(value, dict):
        return sum(kept(each, seen) for each in value.values())
    return kept(vars(value), seen) if hasattr(value, "__dict__") and not callable(value) else 0


@pytest.mark.parametrize("kind", OF_STATES, ids=lambda kind: kind.name)
def test_memory_does_not_grow(kind: Kind) -> None:
    measure = MEASURES[kind.name]()
    for seed in range(4):
        measure.add(batch_of_pictures(16, seed))
    before = kept(measure)
    for seed in range(4, 20):  # so that as many vectors wait for their minibatch
        measure.add(batch_of_pictures(16, seed))
    assert kept(measure) == before > 0


@pytest.mark.parametrize("kind", OF_STATES, ids=lambda kind: kind.name)
def test_reading_changes_nothing(kind: Kind) -> None:
    read, unread = MEASURES[kind.name](), MEASURES[kind.name]()
    for seed in range(6):
        for measure in (read, unread):
            measure.add(batch_of_pictures(17, seed))
        read.found()
    one, other = read.found(), unread.found()
    assert one.profiles == other.profiles and one.pictures == other.pictures
    assert (one.matrix is None and other.matrix is None) or np.array_equal(one.matrix, other.matrix)


@pytest.mark.parametrize("size", [4, 7, 50])
def test_minibatches_do_not_depend_on_the_calls(size: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(3, 50, 6))
    found = []
    for step in (1, 3, 50):
        measure = MinibatchCka(linear, size)
        for first in range(0, 50, step):
            measure.add(vectors[:, first : first + step])
        found.append((measure.examples, measure.cka()))
    assert {examples for examples, _ in found} == {50 if 50 % size >= 4 else 50 - 50 % size}
    assert found[0][1] == pytest.approx(found[1][1], abs=1e-12) and found[0][1] == pytest.approx(found[2][1], abs=1e-12)


def test_minibatches_have_no_bias() -> None:
    """Unrelated layers: the biased estimator would give about 0.6 in minibatches of 20 pictures and 32 directions."""
    measure = MinibatchCka(linear, 20)
    random = np.random.default_rng(0)
    for _ in range(100):
        measure.add(random.normal(size=(2, 20, 32)))
    assert abs(float(measure.cka()[0, 1])) < 0.05  # its standard deviation here is below 0.01


def test_too_few_examples() -> None:
    measure = MinibatchCka(linear, 20)
    measure.add(np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match="CKA needs at least 4 examples, got 0"):
        measure.cka()


def test_drawn_patches_are_the_same_places_at_every_layer() -> None:
    places = torch.arange(9.0)[None, :, None].expand(5, 9, 1)
    drawn = DrawnPatches(4).of(Batch([places, places + 100], None)).reshape(2, 5, 4)
    assert np.array_equal(drawn[0] + 100, drawn[1])
    assert all(len(set(picture)) == 4 for picture in drawn[0].tolist())
    assert len({tuple(picture) for picture in drawn[0].tolist()}) > 1


def test_every_picture_has_the_same_chance_to_be_in_the_sample() -> None:
    """Twice as many pictures as places: half of each half is kept, within five standard deviations of 11."""
    measure = MutualNeighbours()
    numbers = torch.arange(2.0 * SAMPLE)[:, None, None] + 1
    measure.add(Batch([numbers], None))
    kept_numbers = measure._kept[0, :, 0]
    assert len(set(kept_numbers.tolist())) == SAMPLE
    assert abs(int((kept_numbers <= SAMPLE).sum()) - SAMPLE // 2) < 55


def attentions(matrix: torch.Tensor, layers: int = 1) -> Batch:
    """One picture, one head, whose first token is no patch."""
    tokens = len(matrix)
    return Batch([torch.zeros(1, tokens - 1, 3)] * layers, None, [matrix[None, None]] * layers)


def test_attention_to_oneself_has_no_distance() -> None:
    measure = AttentionDistance()
    measure.add(attentions(torch.eye(10)))
    assert measure.found().profiles["mean over heads"] == [0.0]


def test_attention_to_all_alike_has_the_mean_distance() -> None:
    places = [(row, column) for row in range(3) for column in range(3)]
    expected = np.mean([[np.hypot(a - c, b - d) for c, d in places] for a, b in places])
    even = torch.full((10, 10), 0.02)
    even[:, 0] = 0.82  # the class token's share is left out
    measure = AttentionDistance()
    measure.add(attentions(even))
    found = measure.found()
    assert found.profiles["nearest head"] == pytest.approx([expected]) and found.pictures == 1


def test_no_attentions_are_said_not_zero() -> None:
    found = measured(AttentionDistance, pictures(4), 2)
    assert found.absent == "the tower gives no attentions" and found.profiles == {} and found.pictures == 0


def test_names_of_measures() -> None:
    assert [kind.name for kind in find_kinds(["norms", "cosine_patch", "norms"])] == ["cosine_patch", "norms"]
    assert list(MEASURES) == [kind.name for kind in KINDS]
    assert find_kinds(["all"]) == KINDS and {kind.name for kind in KINDS} > set(USUAL)
    for names, found in (
        (["cosine"], "no measure 'cosine'; allowed are all and cosine_patch, "),
        ([], "no measure is"),
    ):
        with pytest.raises(ConfigurationError, match=found):
            find_kinds(names)


def test_the_page_has_every_measure() -> None:
    page = (Path(__file__).parents[3] / "docs" / "analysis.md").read_text(encoding="utf-8")
    # The table of measures has three columns, that of their costs two.
    rows = [line for line in page.splitlines() if line.startswith("| `") and line.count(" | ") == 2]
    assert [line.split("`")[1] for line in rows] == [k.name for k in KINDS]
