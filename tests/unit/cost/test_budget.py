"""Hours of one command, and what they are with GPUs."""

import pytest

from shallowsight.cost import budget as module
from shallowsight.cost.budget import Budget
from shallowsight.errors import ConfigurationError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    now = {"now": 1000.0}
    monkeypatch.setattr(module.time, "monotonic", lambda: now["now"])
    return now


@pytest.mark.parametrize(("gpus", "seconds"), [(0, 7200), (1, 7200), (4, 1800)])
def test_gpu_hours_are_hours_times_gpus(clock: dict[str, float], gpus: int, seconds: float) -> None:
    budget = Budget.starting_now(2.0, gpus)
    assert budget.left() == seconds
    clock["now"] += 100
    assert budget.left() == seconds - 100, "from the start of the command on"


def test_what_is_left_must_do(clock: dict[str, float]) -> None:
    budget = Budget.starting_now(1.0, 0)
    budget.require(3600)
    with pytest.raises(ConfigurationError, match=r"--budget 1: the missing cells take at least 2 hours .*raise the"):
        budget.require(7200)
    with pytest.raises(ConfigurationError, match="at least 8 GPU-hours"):
        Budget.starting_now(1.0, 4).require(7200)


def test_no_budget_is_never_spent(clock: dict[str, float]) -> None:
    budget = Budget.starting_now(float("inf"), 4)
    clock["now"] += 1e9
    budget.require(1e12)
    assert budget.left() == float("inf")


@pytest.mark.parametrize("hours", [-1.0, float("nan")])
def test_no_number_of_hours(hours: float) -> None:
    with pytest.raises(ConfigurationError, match="--budget"):
        Budget.starting_now(hours, 0)


def test_it_says_its_unit() -> None:
    assert str(Budget.starting_now(0.5, 0)) == "0.5 hours"
    assert str(Budget.starting_now(2.0, 4)) == "2 GPU-hours"
