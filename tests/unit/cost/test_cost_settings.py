"""What a setting changes in the stages: image tokens, connectors, layers inside the language model."""

from dataclasses import replace
from typing import Any

import pytest
from cost_subjects import clip_l, subject

from shallowsight.cost.memory import memory, moments, trained_parameters
from shallowsight.cost.operations import answer_operations, sample_operations, stage_operations
from shallowsight.cost.optimizer import update_operations
from shallowsight.cost.parts.inside import attending_layer
from shallowsight.cost.subject import Subject
from shallowsight.study.settings import Setting

DIRECT, MODULAR, DEEPSTACK = (
    Setting.parse(f"3,6|9{how}") for how in (":internal-direct", ":internal-modular", ":deepstack")
)
NINE = Setting.parse("9")


def test_injection_adds_connectors_and_layers() -> None:
    s = subject()
    one = s.parts(NINE)
    assert s.parts(DIRECT).trained == s.parts(DEEPSTACK).trained == 3 * one.trained
    assert s.parts(DIRECT).parameters == 3 * one.parameters
    length = s.load(MODULAR, "finetune").length
    more = 2 * sum(piece.trained for piece in attending_layer(s.language, length, 36))
    direct, modular = (sample_operations(s, setting, "finetune", 1) for setting in (DIRECT, MODULAR))
    assert modular.needed == pytest.approx(direct.needed + more)
    forward = 2 * sum(piece.forward for piece in attending_layer(s.language, length, 36))
    assert answer_operations(s, MODULAR) == pytest.approx(answer_operations(s, DIRECT) + forward)


def test_checkpointing_repeats_what_is_inside_and_not_what_is_outside() -> None:
    plain, again = subject(), subject("finetune.checkpointing=true")

    def repeated(setting: Setting) -> float:
        return (
            stage_operations(again, setting, "finetune").computed
            - stage_operations(plain, setting, "finetune").computed
        )

    assert repeated(DIRECT) == pytest.approx(repeated(NINE))
    assert repeated(MODULAR) > 1.5 * repeated(NINE)  # two layers of two attend


def test_texts_alone_pass_by_what_attends_to_pictures() -> None:
    s = subject()
    load = s.load(MODULAR, "finetune")

    class Bare(Subject):
        def load(self, setting: Setting, stage: Any) -> Any:
            return replace(load, pictured=0.0, bare_length=load.length)

    bare = Bare(s.study, s.tower, s.language, s.images, s.cached)
    assert sample_operations(bare, MODULAR, "finetune", 1) == sample_operations(bare, NINE, "finetune", 1)


def test_image_tokens_are_those_of_the_setting() -> None:
    s = clip_l()
    few, usual, many = (Setting.parse(text) for text in ("23+c_abstractor@64", "23", "7,15,23:sti"))
    lengths = [s.load(setting, "finetune").length for setting in (few, usual, many)]
    assert [a - lengths[1] for a in lengths] == [64 - 576, 0, 144]
    operations = [stage_operations(s, setting, "finetune").model for setting in (few, usual, many)]
    assert operations == sorted(operations)
    # Convolutions look at all 576 patch vectors, whatever the language model then gets.
    some = [memory(s, Setting.parse(f"23+c_abstractor@{n}"), "finetune", 1, 4).forward for n in (64, 144)]
    assert s.parts(few).kept > 576 * 1024 * 3 * 8
    assert some[0] < some[1]


def test_features_are_read_once() -> None:
    s = subject()
    assert s.read_numbers(Setting.parse("1-6|3-9|9")) == 36 * 9 * 384
    assert s.read_numbers(Setting.parse("9,9,9")) == 36 * 384
    assert s.read_numbers(Setting.parse("9|9:deepstack")) == 36 * 384


def test_muon_trains_every_linear_layer() -> None:
    muon = clip_l("pretrain.optimizer=muon", "pretrain.zero=0")
    chosen = Setting.parse("23+c_abstractor")
    numbers = trained_parameters(muon, chosen, "pretrain")
    # Six blocks with two square matrices and two of squeeze and excitation, and two matrices at the end.
    square, narrow = (1024, 1024), (256, 1024)
    sides = 6 * [square, square, narrow, narrow] + [(1024, 2048), (2048, 2048)]
    assert moments(muon, chosen, "pretrain", numbers) == 2 * numbers - sum(a * b for a, b in sides)
    products = sum(5 * 2 * (2 * min(side) ** 2 * max(side) + min(side) ** 3) for side in sides)
    assert update_operations(muon, chosen, "pretrain") == products
