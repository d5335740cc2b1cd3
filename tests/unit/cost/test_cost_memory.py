"""Bytes against hand counts."""

import itertools
from typing import Any

import pytest
from cost_subjects import LARGE, TINY, subject

from shallowsight.cost.memory import Memory, checkpoint_bytes, memory, state_bytes, trained_parameters
from shallowsight.cost.shapes import PUBLISHED_LANGUAGES
from shallowsight.cost.subject import Subject
from shallowsight.study.settings import Setting

EIGHT = Setting.parse("8")
SEVEN_B = PUBLISHED_LANGUAGES["lmsys/vicuna-7b-v1.5"]


def large(*words: str) -> Subject:
    """A 7B model in bfloat16 on a tower of width 1024, with a linear connector."""
    half = [f"{stage}.{what}" for stage in ("pretrain", "finetune") for what in ("precision=bfloat16", "zero=2")]
    return subject(
        *half, "connector.kind=linear", "language.max_length=2048", *words, tower=LARGE, shape=SEVEN_B, cached=False
    )


def at(s: Subject, stage: Any = "finetune", gpus: int = 4, micro: int = 8) -> Memory:
    return memory(s, EIGHT, stage, gpus, micro)


CONNECTOR = 1024 * 4096 + 4096


def test_what_each_stage_trains() -> None:
    s = large()
    assert trained_parameters(s, EIGHT, "pretrain") == CONNECTOR
    assert trained_parameters(s, EIGHT, "finetune") == CONNECTOR + SEVEN_B.parameters
    assert trained_parameters(large("finetune.lora.rank=8"), EIGHT, "finetune") == CONNECTOR + SEVEN_B.adapters(8)


@pytest.mark.parametrize(
    ("zero", "weights", "gradients", "optimizer"),
    [
        pytest.param(1, 2.0, 2.0, 3.0, id="moments and master"),
        pytest.param(2, 2.0, 0.5, 3.0, id="and gradients"),
        pytest.param(3, 0.5, 0.5, 3.0, id="and weights"),
    ],
)
def test_states_by_hand(zero: int, weights: float, gradients: float, optimizer: float) -> None:
    found, numbers = at(large(f"finetune.zero={zero}")), CONNECTOR + SEVEN_B.parameters
    whole = 2e9 if zero == 3 else 0.0  # a billion parameters are held whole at a time
    assert found.weights == pytest.approx(weights * numbers + whole)
    assert found.gradients == pytest.approx(gradients * numbers)
    assert found.optimizer == pytest.approx(optimizer * numbers)
    assert found.buckets == (0, 1e9, 1e9, 2e9)[zero]


def test_float32_has_no_master_without_zero() -> None:
    s = subject("finetune.zero=0")
    numbers = trained_parameters(s, EIGHT, "finetune")
    found = memory(s, EIGHT, "finetune", 1, 64)
    assert (found.weights, found.gradients, found.optimizer) == (4 * numbers, 4 * numbers, 8 * numbers)
    shared = memory(subject("finetune.zero=2"), EIGHT, "finetune", 1, 16)
    assert shared.optimizer == 12 * numbers


def test_a_frozen_model_has_weights_alone() -> None:
    found = at(large(), "pretrain")
    assert found.weights == 2 * (CONNECTOR + SEVEN_B.parameters)
    assert found.gradients + found.optimizer == pytest.approx((2 / 4 + 12 / 4) * CONNECTOR)


def test_adapters_save_most_of_the_states() -> None:
    whole, low = at(large()), at(large("finetune.lora.rank=64"))
    assert low.optimizer < whole.optimizer / 20
    assert low.weights > whole.weights, "the frozen weights stay, the adapters come on top"


def test_memory_falls_with_zero_and_gpus_and_grows_with_the_batch() -> None:
    """With ZeRO's stage, with GPUs, with the micro-batch, with checkpointing."""
    stages = [at(large(f"finetune.zero={zero}")).peak for zero in (1, 2, 3)]
    assert stages == sorted(stages, reverse=True)
    for zero in (1, 2, 3):
        gpus = [at(large(f"finetune.zero={zero}"), gpus=n).peak for n in (1, 2, 4, 8, 64)]
        assert all(a > b for a, b in itertools.pairwise(gpus)), zero
    alone, many = (memory(subject("finetune.zero=0"), EIGHT, "finetune", gpus, 8) for gpus in (1, 8))
    assert alone.states == many.states
    batches = [at(large("finetune.zero=2"), micro=n).forward for n in (1, 2, 8, 32)]
    assert batches == sorted(batches)
    assert at(large("finetune.checkpointing=true")).forward < at(large()).forward / 3


def test_the_tower_runs_before_the_language_model() -> None:
    s = large()
    found = at(s)
    assert found.tower == pytest.approx(4 * (12 * 1024**2 * 8 + 3 * 14**2 * 1024 + 145 * 1024))
    assert found.seeing == 8 * 4 * 145 * 1024 * (9 + 12)
    assert found.passes == 2
    before = found.gradients + max(found.forward, found.seeing)
    assert found.peak == found.states + max(before, found.gradients + max(found.layer, found.updating))
    assert at(subject()).tower == at(subject()).seeing == 0, "its features are in the cache"


def test_gradients_of_one_pass_come_when_its_activations_go() -> None:
    one, two = (memory(subject(), EIGHT, "finetune", 1, micro) for micro in (64, 32))
    assert (one.passes, two.passes) == (1, 2)
    assert one.peak == one.states + one.forward
    assert two.peak == two.states + two.gradients + two.forward
    assert one.layer < one.forward / 2


def test_logits_count_where_there_are_labels() -> None:
    s = subject()
    more = subject(shape=TINY.__class__(**(vars(TINY) | {"vocabulary": 2000})))
    fewer = subject(shape=TINY)
    difference = memory(more, EIGHT, "finetune", 1, 16).forward - memory(fewer, EIGHT, "finetune", 1, 16).forward
    load = s.load(EIGHT, "finetune")
    assert difference == pytest.approx(12 * 1000 * load.supervised * 16 * load.longest / load.mean_length)


def test_files_by_hand() -> None:
    s = large()
    assert state_bytes(s, EIGHT, "pretrain") == 12 * CONNECTOR
    assert state_bytes(s, EIGHT, "finetune") == 12 * (CONNECTOR + SEVEN_B.parameters)
    assert checkpoint_bytes(s, EIGHT, "pretrain") == 2 * CONNECTOR
    assert checkpoint_bytes(s, EIGHT, "finetune") == 2 * (CONNECTOR + SEVEN_B.parameters)
    assert checkpoint_bytes(large("finetune.lora.rank=8"), EIGHT, "finetune") == checkpoint_bytes(s, EIGHT, "finetune")


def test_muon_keeps_one_moment_of_a_matrix() -> None:
    s = subject("finetune.optimizer=muon", "finetune.zero=0", "pretrain.optimizer=muon", "pretrain.zero=0")
    connector, layer = 384 * 128 + 128 * 128, 4 * 128 * 128 + 3 * 128 * 344
    numbers = trained_parameters(s, EIGHT, "finetune")
    kept = 2 * numbers - connector - 2 * layer
    assert memory(s, EIGHT, "finetune", 1, 64).optimizer == 4 * kept
    assert state_bytes(s, EIGHT, "finetune") == 4 * (numbers + kept)
    assert state_bytes(s, EIGHT, "pretrain") == 4 * (2 * connector + 3 * 2 * 128)
    low = subject("finetune.optimizer=muon", "finetune.zero=0", "finetune.lora.rank=4")
    adapters = low.language.adapters(4)
    assert state_bytes(low, EIGHT, "finetune") == 4 * (2 * connector + 3 * 2 * 128 + 2 * adapters)
