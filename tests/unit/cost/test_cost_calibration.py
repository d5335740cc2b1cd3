"""The timing of this machine: real passes of a model that is small enough, each once."""

import pytest
from cost_subjects import TINY

from shallowsight.cost import calibration
from shallowsight.cost.calibration import Pass, training_speed
from shallowsight.cost.hardware import matrix_speed

WORK = Pass(shape=TINY, sequences=2, tokens=20, predicted=5, trained=True, half=False, checkpointing=False)


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("half", [True, False])
def test_passes_are_timed(monkeypatch: pytest.MonkeyPatch, trained: bool, half: bool) -> None:
    import torch

    monkeypatch.setattr(calibration, "_SECONDS", 0.0)
    before = torch.get_num_threads()
    work = Pass(**(vars(WORK) | {"trained": trained, "half": half, "checkpointing": half}))
    found = training_speed.__wrapped__(work, 1)
    assert 1e-13 < found.operation < 1e-6
    assert 0 < found.update < 1
    connector = 128**2 + 128
    assert found.parameters == connector + (TINY.parameters if trained else 0)
    assert torch.get_num_threads() == before


def test_one_process_times_once() -> None:
    work = Pass(**(vars(WORK) | {"tokens": 21}))
    assert training_speed(work, 1) is training_speed(work, 1)


@pytest.mark.parametrize("name", ["mtgv/MobileLLaMA-1.4B-Base", "lmsys/vicuna-7b-v1.5"])
def test_a_large_model_is_made_small_enough_to_time(name: str) -> None:
    from shallowsight.cost.shapes import PUBLISHED_LANGUAGES

    shape = PUBLISHED_LANGUAGES[name]
    found = calibration._smaller(Pass(**(vars(WORK) | {"shape": shape, "sequences": 128, "tokens": 800})))
    assert found.operations <= 1.1 * calibration._LARGEST
    assert found.shape.parameters < 1.2e8
    assert 0 < found.predicted < found.tokens
    assert found.shape.width == found.shape.heads * found.shape.head_width == 2048


def test_a_small_one_is_timed_as_it_is() -> None:
    assert calibration._smaller(WORK) == WORK


def test_matrix_speed_is_a_speed() -> None:
    assert 1e8 < matrix_speed() < 1e13
