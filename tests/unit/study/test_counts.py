"""One thing is not several."""

import pytest

from shallowsight.study.counts import counted, is_or_are


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 cells are"), (1, "1 cell is"), (2, "2 cells are"), (11, "11 cells are")]
)
def test_counted(number: int, said: str) -> None:
    assert f"{counted(number, 'cell')} {is_or_are(number)}" == said


def test_a_number_that_is_written_already() -> None:
    assert [counted(text, "hour") for text in ("1", "2.5", "0.1")] == ["1 hour", "2.5 hours", "0.1 hours"]
