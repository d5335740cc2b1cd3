"""Limits of training and of waiting, by a clock that the test turns."""

import pytest

from shallowsight.cluster.kubernetes.clock import Clock
from shallowsight.cluster.kubernetes.states import Phase, State

RUNNING, QUEUED, STARTING = State(Phase.RUNNING), State(Phase.QUEUED, "a100"), State(Phase.STARTING)


def said(*looks: tuple[State, float]) -> list[str]:
    """What a clock says that allows 100 s of training and 10 s of waiting."""
    clock = Clock(deadline=100, queue=10, now=1000)
    return [clock.over(state, 1000 + now) for state, now in looks]


def test_as_long_as_is_allowed() -> None:
    assert said((QUEUED, 10), (RUNNING, 110)) == ["", ""]


@pytest.mark.parametrize("state", [QUEUED, STARTING])
def test_waiting_for_too_long(state: State) -> None:
    assert said((state, 6), (state, 11))[-1] == f"waited for 11 s, the limit is 10 s; its state is {state}"


def test_training_for_too_long() -> None:
    assert said((RUNNING, 60), (RUNNING, 101))[-1] == "has trained for 101 s, the limit is 100 s"


def test_waiting_begins_anew_when_it_has_run() -> None:
    assert said((QUEUED, 9), (RUNNING, 10), (QUEUED, 19), (RUNNING, 20), (STARTING, 30)) == [""] * 5


def test_waiting_is_no_training() -> None:
    looks = [(RUNNING if n % 2 else QUEUED, 10.0 * n) for n in range(20)]
    assert said(*looks) == [""] * 20
    assert said(*looks, (RUNNING, 191))[-1].startswith("has trained for 101 s")
    assert said((RUNNING, 95), (QUEUED, 104)) == ["", ""]
