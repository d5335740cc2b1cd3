"""The learning rate at its corners, and how many updates a stage has."""

import math

import pytest

from shallowsight.study.stages import Stage
from shallowsight.train.schedule import Schedule, learning_rate, updates_of


@pytest.mark.parametrize(
    ("update", "rate"),
    [
        pytest.param(1, 0.1, id="first"),
        pytest.param(5, 0.5, id="half of the warm-up"),
        pytest.param(10, 1.0, id="peak"),
        pytest.param(11, 0.5 * (1 + math.cos(math.pi / 91)), id="one after the peak"),
        pytest.param(55, 0.5 * (1 + math.cos(math.pi * 45 / 91)), id="half of the cosine"),
        pytest.param(100, 0.5 * (1 + math.cos(math.pi * 90 / 91)), id="last, not yet zero"),
    ],
)
def test_rates(update: int, rate: float) -> None:
    assert learning_rate(2e-3, 0.1, update, 100) == pytest.approx(2e-3 * rate, abs=1e-12)


def test_rises_then_falls() -> None:
    rates = [learning_rate(1.0, 0.1, update, 100) for update in range(1, 101)]
    assert rates[:10] == sorted(rates[:10]) and rates[9:] == sorted(rates[9:], reverse=True)
    assert max(rates) == 1.0 and all(0 <= r <= 1 for r in rates)


def test_without_warm_up() -> None:
    assert learning_rate(1.0, 0.0, 1, 100) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("updates", [1, 2, 3, 5])
@pytest.mark.parametrize("warmup", [0.0, 0.03, 0.99])
def test_short_stages_learn_something(updates: int, warmup: float) -> None:
    assert learning_rate(1.0, warmup, 1, updates) > 0


@pytest.mark.parametrize(("warmup", "updates", "warm"), [(0.03, 10, 1), (0.03, 100, 3), (0.07, 100, 7), (0.5, 3, 2)])
def test_the_warm_up_is_rounded_up_to_whole_updates(warmup: float, updates: int, warm: int) -> None:
    rates = [learning_rate(1.0, warmup, update, updates) for update in range(1, updates + 1)]
    assert rates.index(1.0) + 1 == warm


@pytest.mark.parametrize(
    ("updates", "epochs", "samples", "batch", "expected"),
    [
        pytest.param(7, None, 100, 10, 7, id="updates"),
        pytest.param(0, None, 100, 10, 0, id="none"),
        pytest.param(None, 1.0, 100, 10, 10, id="one epoch"),
        pytest.param(None, 1.0, 101, 10, 11, id="a last batch that is not full"),
        pytest.param(None, 2.5, 100, 10, 25, id="parts of an epoch"),
        pytest.param(None, 0.001, 100, 10, 1, id="at least one"),
        pytest.param(None, 1.1, 100, 10, 11, id="no update too many by rounding"),
    ],
)
def test_updates_of(updates: int | None, epochs: float | None, samples: int, batch: int, expected: int) -> None:
    assert updates_of(updates, epochs, samples, batch) == expected


def test_no_length() -> None:
    with pytest.raises(ValueError, match="give either updates or epochs"):
        updates_of(None, None, 10, 10)


CONSTANT = Stage(learning_rate=2.0, global_batch=1, updates=100, schedule="constant_then_decay", warmup=0.04, decay=0.1)


def rates(stage: Stage, whole: int = 100) -> list[float]:
    schedule = Schedule(stage, whole)
    return [schedule.rate(update) for update in range(1, schedule.updates + 1)]


def test_constant_then_decay() -> None:
    found = rates(CONSTANT)
    assert found[:4] == pytest.approx([0.5, 1.0, 1.5, 2.0])
    assert found[4:90] == [2.0] * 86
    assert found[90:] == pytest.approx([2.0 * left / 11 for left in range(10, 0, -1)]), "the last one learns too"


@pytest.mark.parametrize("part", [2, 3, 9])
def test_parts_have_the_trunk_in_common(part: int) -> None:
    stage = CONSTANT.model_copy(update={"part": part})
    schedule, found = Schedule(stage, 100), rates(stage)
    assert len(found) == schedule.updates == math.ceil(100 / part)
    assert 0 < schedule.trunk < schedule.updates
    assert found[: schedule.trunk] == rates(CONSTANT)[: schedule.trunk]
    assert found[schedule.trunk :] == sorted(found[schedule.trunk :], reverse=True) and found[-1] > 0


@pytest.mark.parametrize("whole", [1, 2, 3, 5])
@pytest.mark.parametrize("part", [1, 9])
def test_short_constant_stages_learn_something(whole: int, part: int) -> None:
    assert all(rate > 0 for rate in rates(CONSTANT.model_copy(update={"part": part}), whole))


def test_a_cosine_has_no_trunk() -> None:
    cosine = CONSTANT.model_copy(update={"schedule": "cosine"})
    assert Schedule(cosine, 100).trunk == 0
    assert rates(cosine) == [learning_rate(2.0, 0.04, update, 100) for update in range(1, 101)]
