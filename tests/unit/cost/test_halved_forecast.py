"""The forecast of a halved study counts what is left of each training."""

import pytest

from shallowsight.cost.subject import subject_named
from shallowsight.study.overrides import load_study
from shallowsight.study.settings import Setting
from shallowsight.study.stages import Stage
from shallowsight.train.schedule import Schedule

ON = (
    "settings=6 9 last",
    "finetune.schedule=constant_then_decay",
    "finetune.warmup=0.02",
    "finetune.updates=40",
    "pretrain.schedule=constant_then_decay",
)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        pytest.param("6", 5, id="a ninth"),
        pytest.param("9", 14 - 4, id="a third, from the trunk of a ninth"),
        pytest.param("12", 40 - 12, id="all, from the trunk of a third"),
    ],
)
def test_what_is_left(setting: str, expected: int) -> None:
    subject = subject_named(load_study("quick", [*ON, "halving.eta=3", "halving.promoted=9=3 12=1"], lambda _: 12))
    assert subject.load(Setting.parse(setting), "finetune").updates == expected
    assert subject.load(Setting.parse(setting), "pretrain").updates == 10


def test_without_halving_it_is_all() -> None:
    subject = subject_named(load_study("quick", ON, lambda _: 12))
    assert subject.load(Setting.parse("6"), "finetune").updates == 40


@pytest.mark.parametrize(("part", "trunk"), [(9, 4), (3, 12)])
def test_the_trunks_are_those_of_the_training(part: int, trunk: int) -> None:
    stage = Stage(learning_rate=1.0, global_batch=1, updates=40, schedule="constant_then_decay", part=part)
    assert Schedule(stage, 40).trunk == trunk
