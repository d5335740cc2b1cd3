"""How the smallest gaps that can be claimed are written."""

import pytest

from shallowsight.steps.smallest_gap import _named


@pytest.mark.parametrize(
    ("gaps", "categories", "written"),
    [
        ([0.6, 0.24], 6, "60 points in one category, 24 over all 6"),
        ([None, 0.61], 6, "none in one category, 61 points over all 6"),
        ([0.1], 1, "10 points"),
        ([None], 1, "none"),
    ],
)
def test_points_stand_behind_the_first_number(gaps: list[float | None], categories: int, written: str) -> None:
    assert _named(gaps, categories) == written
