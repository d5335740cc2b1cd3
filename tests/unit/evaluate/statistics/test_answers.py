"""Means and their standard errors: equal to scipy on simple cases, whole pictures as units."""

import numpy as np
import pytest
import scipy.stats
from sheets import answers

from shallowsight.errors import ConfigurationError
from shallowsight.evaluate.statistics.answers import Answers, accuracy
from shallowsight.evaluate.statistics.sheet import Sheet, overall


def test_one_question_per_image_is_the_plain_standard_error():
    x = np.random.default_rng(0).random(80)
    found = accuracy(x, [str(i) for i in range(80)])
    assert found.value == pytest.approx(x.mean()) and (found.n, found.images) == (80, 80)
    assert found.standard_error == pytest.approx(scipy.stats.sem(x))


def test_questions_about_one_image_count_as_one():
    x = np.random.default_rng(0).integers(0, 2, 40)
    copied = accuracy(np.repeat(x, 5), [str(i) for i in range(40) for _ in range(5)])
    assert copied.standard_error == pytest.approx(scipy.stats.sem(x))  # and not sqrt(5) times smaller


def test_one_image_tells_nothing():
    assert accuracy([1, 0, 1], ["a", "a", "a"]).standard_error == float("inf")


def test_only_common_questions_are_compared():
    found = Answers.collect({3: {"a": ("i", 1.0), "b": ("j", 0.5)}, 5: {"b": ("j", 0.25), "c": ("k", 1.0)}})
    assert found.questions == ("b",) and found.seeds == (3, 5) and found.scores_SQ.tolist() == [[0.5], [0.25]]


@pytest.mark.parametrize("tables", [{}, {0: {}}, {0: {"a": ("i", 1)}, 1: {"b": ("i", 1)}}])
def test_nothing_in_common_is_an_error(tables):
    with pytest.raises(ConfigurationError, match="no question in common"):
        Answers.collect(tables)


@pytest.mark.parametrize("score", [-0.1, 1.5, float("nan")])
def test_scores_are_between_zero_and_one(score):
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        Answers.collect({0: {"a": ("i", score)}})


def test_a_sheet_holds_the_questions_of_all_settings():
    a = answers(np.array([[1, 0, 1, 1]]), per_image=2)
    b = Answers.collect({0: {"00001": ("p00000", 1.0), "00002": ("p00001", 0.0)}})
    sheet = Sheet.of({"a": a, "b": b})
    assert sheet.questions == 2 and sheet.mean("a") == 0.5 and sheet.mean("b") == 0.5
    assert sheet.parts[0].tolist() == [[0.0, 0.5]] and sheet.images == ("p00000", "p00001")


def test_settings_without_a_common_question_cannot_be_compared():
    b = Answers.collect({0: {"other": ("p", 1.0)}})
    with pytest.raises(ConfigurationError, match="share no question"):
        Sheet.of({"a": answers(np.array([[1, 0]])), "b": b})


def test_over_all_categories_each_weighs_the_same():
    small = Sheet.of({"a": answers(np.array([[1, 1], [0, 1]])), "b": answers(np.array([[0, 0]]))})
    large = Sheet.of({"a": answers(np.array([[0] * 8, [1] * 8])), "only here": answers(np.array([[1] * 8]))})
    whole = overall([small, large])
    assert whole is not None and whole.settings == ("a",) and whole.seeds == ((0, 1),)
    assert whole.parts[0].sum(axis=1).tolist() == pytest.approx([0.5, 0.75])
    assert whole.shares_G.sum() == pytest.approx(1) and len(whole.images) == 8  # a picture of both is one


def test_over_all_categories_only_common_seeds_count():
    first = Sheet.of({"a": answers(np.array([[1, 1], [0, 0]]), seeds=(0, 1))})
    second = Sheet.of({"a": answers(np.array([[1, 0], [0, 0]]), seeds=(1, 2))})
    whole = overall([first, second])
    assert whole is not None and whole.seeds == ((1,),) and whole.parts[0].sum() == pytest.approx(0.25)


def test_one_category_has_no_overall_sheet():
    assert overall([Sheet.of({"a": answers(np.array([[1, 0]]))})]) is None
