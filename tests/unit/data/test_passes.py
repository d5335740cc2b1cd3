"""How a process's part of a batch is divided into passes."""

import pytest

from shallowsight.data.passes import first_passes, more_passes


@pytest.mark.parametrize(
    ("own", "mean", "expected"),
    [
        pytest.param(16, 100.0, 1, id="small enough at once"),
        pytest.param(32, 64.0, 1, id="exactly"),
        pytest.param(32, 65.0, 2, id="a little more"),
        pytest.param(32, 300.0, 8, id="four at a time"),
        pytest.param(9, 300.0, 3, id="what divides"),
        pytest.param(7, 300.0, 7, id="a prime"),
        pytest.param(4, 5000.0, 4, id="one at a time"),
        pytest.param(1, 5000.0, 1, id="a single one"),
    ],
)
def test_a_cpu_has_small_passes(own: int, mean: float, expected: int) -> None:
    assert first_passes(own, mean, on_cpu=True) == expected


def test_a_gpu_begins_with_all() -> None:
    assert first_passes(64, 2048.0, on_cpu=False) == 1


@pytest.mark.parametrize(
    ("own", "passes", "expected"),
    [
        pytest.param(8, 1, 2, id="half"),
        pytest.param(4, 2, 4, id="half again"),
        pytest.param(6, 2, 6, id="the next that divides"),
        pytest.param(9, 1, 3, id="a third"),
        pytest.param(2, 2, None, id="one sequence already"),
    ],
)
def test_more_passes_for_want_of_memory(own: int, passes: int, expected: int | None) -> None:
    assert more_passes(own, passes) == expected
