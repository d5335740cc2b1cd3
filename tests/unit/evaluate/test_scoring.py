"""The score of one answer, from 0 to 1."""

from itertools import combinations
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shallowsight.data.boxes import only_box, overlap
from shallowsight.evaluate.scoring import TrueAnswer, score


def true(*texts: str) -> list[TrueAnswer]:
    return [TrueAnswer(text, None) for text in texts]


@pytest.mark.parametrize(
    ("said", "expected"), [("3", 1), ("Three cats", 1), ("a few", 1), ("A few.", 1), ("few", 0), ("2", 0), ("", 0)]
)
def test_exact_is_right_with_any_accepted_answer(said: str, expected: int) -> None:
    assert score("exact", said, *true("3"), true("a few", "several")) == expected


def test_the_form_of_the_tokenizer_counts_letter_by_letter() -> None:
    """A tokenizer that drops what it does not know may turn an answer into a letter or a number."""
    answer = TrueAnswer("Isn't it?", "isn ' t it?")
    assert [score("exact", said, answer, []) for said in ("isn't it?", "Isn ' t it?", "isn t it?")] == [1, 1, 0]
    assert [score("exact", said, TrueAnswer("2\u2075", "25"), []) for said in ("25", "twenty five")] == [1, 0]


@pytest.mark.parametrize(("people", "expected"), [*enumerate([0, 0.3, 0.6, 0.9, *[1] * 7])])
def test_vqa_accuracy(people: int, expected: float) -> None:
    accepted = true(*["red"] * people, *["blue"] * (10 - people))
    assert score("vqa", "Red.", *true("blue"), accepted) == pytest.approx(expected)


@pytest.mark.parametrize("people", range(11))
def test_vqa_accuracy_is_the_mean_over_the_ten_subsets_of_nine(people: int) -> None:
    given_answers = ["red"] * people + ["blue"] * (10 - people)
    subsets = list(combinations(given_answers, 9))
    assert len(subsets) == 10
    expected = mean(min(1.0, subset.count("red") / 3) for subset in subsets)
    assert score("vqa", "red", *true("?"), true(*given_answers)) == pytest.approx(expected)


def test_vqa_counts_other_forms_of_an_answer() -> None:
    assert score("vqa", "2", *true("2"), true("two", "2", "2 dogs", *["3"] * 7)) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("[0, 0, 0.5, 0.5]", 1),
        ("[0.0,0.0,.5,.50]", 1),
        ("It is at [0, 0, 0.5, 0.5].", 1),
        ("[0.25, 0, 0.75, 0.5]", 1 / 3),
        ("[0, 0, 1, 1]", 1 / 4),
        ("[0.5, 0, 1, 0.5]", 0),  # they touch
        ("[0.6, 0.6, 1, 1]", 0),
        ("[0, 0, 0.5]", 0),
        ("[0.5, 0.5, 0, 0]", 0),
        ("[0, 0, 0, 0.5]", 0),
        ("[0, 0, 168, 168]", 0),
        ("[-0.1, 0, 0.5, 0.5]", 0),
        ("[0, 0, nan, 1]", 0),
        ("[0, 0, 0.5, 0.5] or [0, 0, 1, 1]", 0),
        ("0, 0, 0.5, 0.5", 0),
        ("", 0),
    ],
)
def test_iou(said: str, expected: float) -> None:
    assert score("iou", said, *true("[0, 0, 0.5, 0.5]"), []) == pytest.approx(expected, abs=1e-12)


def test_iou_takes_the_nearest_of_several_true_boxes() -> None:
    assert score("iou", "[0, 0, 1, 1]", *true("[0, 0, 0.5, 0.5]"), true("[0, 0, 1, 0.5]")) == pytest.approx(0.5)


_SIDES = st.tuples(st.floats(0, 0.5), st.floats(0.501, 1))
_BOXES = st.tuples(_SIDES, _SIDES).map(lambda s: (s[0][0], s[1][0], s[0][1], s[1][1]))


@given(a=_BOXES, b=_BOXES)
def test_overlap_is_a_share_and_the_same_both_ways(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    assert 0 <= overlap(a, b) == overlap(b, a) <= 1
    assert overlap(a, a) == pytest.approx(1)


def test_a_box_of_whole_numbers() -> None:
    assert only_box("[0,0,1,1]") == (0, 0, 1, 1)
