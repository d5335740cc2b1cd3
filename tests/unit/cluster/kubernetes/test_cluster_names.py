"""Names and label values."""

import re

import pytest

from shallowsight.cluster.kubernetes.names import LONGEST_NAME, checked_name, job_name, label_value
from shallowsight.errors import ConfigurationError

LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")


def test_a_cell_has_one_name() -> None:
    name = job_name("pretrain", "0123456789abcdef")
    assert name == job_name("pretrain", "0123456789abcdef") == "shallowsight-pretrain-0123456789abcdef"
    assert len(f"{name}-node-0-999-abcde") <= 63


@pytest.mark.parametrize("name", ["", "9a", "a-", "-a", "A", "a_b", "a.b", "a\n", "a" * (LONGEST_NAME + 1)])
def test_names_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be the name of a TrainJob"):
        checked_name(name)


def test_the_longest_name_is_taken() -> None:
    assert checked_name("a" * LONGEST_NAME) == "a" * LONGEST_NAME


@pytest.mark.parametrize("text", ["", "a", "my-study_2.1", "a" * 63])
def test_what_can_be_a_label_stays(text: str) -> None:
    assert label_value(text) == text


ODD = ["a b", "a/b", "a-", ".a", "é", "---", "a" * 64, "a" * 63 + "b", "x" * 62 + " y", "a\n", "a:b", "a b "]


@pytest.mark.parametrize("text", ODD)
def test_text_that_is_no_label_is_made_one(text: str) -> None:
    made = label_value(text)
    assert LABEL.fullmatch(made) and 0 < len(made) <= 63
    assert made == label_value(text)


def test_made_labels_tell_texts_apart() -> None:
    assert len({label_value(text) for text in ODD}) == len(ODD)
