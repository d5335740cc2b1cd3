"""The ways in which a stage may be trained: they change speed and memory, or only what they say."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from stages import losses, require_equal_bytes_after_a_resume
from two_processes import train_among_two

from shallowsight.model.checkpoint import CONNECTOR, LANGUAGE, load_trained
from shallowsight.train.parts import LOSSES
from shallowsight.train.process_task import ProcessTask

Make = Callable[..., ProcessTask]
MUON = {"finetune__optimizer": "muon", "finetune__zero": 0}


@pytest.fixture(scope="module")
def plain(run: Callable[..., Path]) -> Path:
    return run()


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / LOSSES).read_text(encoding="utf-8").splitlines()]


def samples(out: Path) -> list[str]:
    return [row["samples"] for row in rows(out)]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"finetune__packed": True}, id="packed"),
        pytest.param({"finetune__packed": True, "live": True}, id="packed, from pixels"),
        pytest.param({"finetune__checkpointing": True}, id="activations computed again"),
        pytest.param({"finetune__packed": True, "finetune__checkpointing": True}, id="both"),
        pytest.param({"finetune__packed": True, "accumulation": 2}, id="packed, two passes"),
        pytest.param({"finetune__zero": 0}, id="zero 0"),
        pytest.param({"finetune__zero": 1}, id="zero 1"),
        pytest.param({"finetune__zero": 3}, id="zero 3"),
    ],
)
def test_the_same_training(run: Callable[..., Path], plain: Path, changes: dict[str, Any]) -> None:
    out = run(**changes)
    assert samples(out) == samples(plain)
    assert losses(out) == pytest.approx(losses(plain), abs=2e-5)
    expected, found = load_file(plain / LANGUAGE), load_file(out / LANGUAGE)
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=2e-4, rtol=1e-3)


def test_batches_by_length_hold_other_samples(run: Callable[..., Path], plain: Path) -> None:
    out = run(finetune__order="by_length")
    assert samples(out) != samples(plain) and len(losses(out)) == 4


def test_the_first_stage_can_be_packed_and_computed_again(run: Callable[..., Path]) -> None:
    """Its gradients pass through a frozen language model."""
    expected = run("pretrain")
    out = run("pretrain", pretrain__packed=True, pretrain__checkpointing=True)
    assert losses(out) == pytest.approx(losses(expected), abs=2e-5)


def test_the_connector_may_have_a_rate_of_its_own(run: Callable[..., Path], plain: Path) -> None:
    start = run(finetune__updates=0)
    slow = run(finetune__connector_learning_rate=1e-9)
    before, after = load_file(start / CONNECTOR), load_file(slow / CONNECTOR)
    for name in before:
        torch.testing.assert_close(after[name], before[name], atol=1e-7, rtol=0)
    moved, still = load_file(slow / LANGUAGE), load_file(start / LANGUAGE)
    assert any(not torch.equal(moved[name], still[name]) for name in still)
    same = run(finetune__connector_learning_rate=1e-2)  # the general rate
    assert losses(same) == losses(plain)


@pytest.mark.slow
@pytest.mark.parametrize("zero", [0, 2, 3])
def test_adapters_learn_and_become_part_of_the_weights(run: Callable[..., Path], zero: int) -> None:
    changes = {"finetune__lora__rank": 4, "finetune__updates": 12, "finetune__zero": zero}
    out = run(**changes)
    start = load_file(run(finetune__updates=0) / LANGUAGE)
    found = load_file(out / LANGUAGE)
    assert set(found) == set(start)
    moved = {name for name in start if not torch.equal(found[name], start[name])}
    # Linear layers of the blocks; neither embeddings nor norms.
    assert moved == {name for name in start if "_proj.weight" in name}
    assert losses(out)[-1] < losses(out)[0]
    load_trained(out)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zero", "precision"),
    [(0, "float32"), (1, "float32"), (2, "float32"), (3, "float32"), (1, "bfloat16"), (2, "bfloat16"), (3, "bfloat16")],
)
def test_a_resumed_stage_ends_in_the_same_bytes(make_job: Make, tmp_path: Path, zero: int, precision: str) -> None:
    """With dropout: random numbers follow the update, not what came before it."""
    changes = {
        "finetune__lora__rank": 4,
        "finetune__lora__dropout": 0.5,
        "finetune__updates": 6,
        "finetune__zero": zero,
        "finetune__precision": precision,
    }
    require_equal_bytes_after_a_resume(make_job, tmp_path, changes)


# Decay is for matrices alone, and the connector may have a rate of its own: one, two or four groups of parameters.
@pytest.mark.parametrize("zero", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"finetune__weight_decay": 0.1}, id="two groups"),
        pytest.param({"finetune__weight_decay": 0.1, "finetune__connector_learning_rate": 1e-3}, id="four groups"),
    ],
)
def test_every_group_of_parameters_is_resumed(
    make_job: Make, tmp_path: Path, zero: int, changes: dict[str, Any]
) -> None:
    require_equal_bytes_after_a_resume(make_job, tmp_path, {**changes, "finetune__updates": 6, "finetune__zero": zero})


@pytest.mark.parametrize(
    ("changes", "zeros"),
    [
        pytest.param({"fusion__kind": "mmfuser"}, (0, 2), id="mmfuser"),
        pytest.param({"fusion__kind": "scalar-mix"}, (0, 2), id="scalar-mix"),
        pytest.param(
            {"fusion__kind": "mmfuser", "finetune__precision": "bfloat16"}, (2, 3), id="half", marks=pytest.mark.slow
        ),
        pytest.param({"fusion__kind": "mmfuser", **MUON}, (0,), id="muon", marks=pytest.mark.slow),
    ],
)
def test_a_fusion_with_weights_is_resumed(
    make_job: Make, tmp_path: Path, changes: dict[str, Any], zeros: tuple[int, ...]
) -> None:
    for zero in zeros:
        learned = {"vision__layers": "1,3,4", "finetune__updates": 6, "finetune__weight_decay": 0.1}
        folder = tmp_path / str(zero)
        require_equal_bytes_after_a_resume(make_job, folder, {**learned, **changes, "finetune__zero": zero})


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="one rate"),
        pytest.param({"finetune__weight_decay": 0.1, "finetune__connector_learning_rate": 1e-3}, id="two rates"),
        pytest.param({"finetune__lora__rank": 4}, id="adapters", marks=pytest.mark.slow),
    ],
)
def test_a_resumed_muon_ends_in_the_same_bytes(make_job: Make, tmp_path: Path, changes: dict[str, Any]) -> None:
    require_equal_bytes_after_a_resume(make_job, tmp_path, {**MUON, **changes, "finetune__updates": 6})


def test_muon_learns_in_its_own_way(run: Callable[..., Path]) -> None:
    adamw, muon = (losses(run(**changes, finetune__updates=12)) for changes in ({"finetune__zero": 0}, MUON))
    assert muon[0] == adamw[0] and muon[1] != adamw[1] and muon[-1] < muon[0] / 2


@pytest.mark.slow
def test_adapters_learn_with_muon(run: Callable[..., Path]) -> None:
    found = losses(run(**MUON, finetune__lora__rank=4, finetune__updates=12))
    assert found[-1] < found[0]


# A connector with convolutions, positions and biases: parameters of one, two, three and four dimensions.
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"finetune__zero": 2}, id="zero 2"),
        pytest.param({"finetune__zero": 3}, id="zero 3", marks=pytest.mark.slow),
        pytest.param({"finetune__zero": 2, "finetune__precision": "bfloat16"}, id="bfloat16", marks=pytest.mark.slow),
        pytest.param(MUON, id="muon", marks=pytest.mark.slow),
    ],
)
def test_a_resumed_c_abstractor_ends_in_the_same_bytes(make_job: Make, tmp_path: Path, changes: dict[str, Any]) -> None:
    settings = {"connector__kind": "c_abstractor", "connector__tokens": 4, "finetune__updates": 6}
    require_equal_bytes_after_a_resume(make_job, tmp_path, settings | changes)


# Among two processes
SHARED: dict[str, dict[str, Any]] = {
    "muon": {**MUON, "finetune__updates": 20},
    **{f"float32 {zero}": {"finetune__zero": zero, "finetune__updates": 20} for zero in range(4)},
    # 1 divides and saves what 2 does
    **{
        f"bfloat16 {zero}": {"finetune__zero": zero, "finetune__precision": "bfloat16", "finetune__updates": 20}
        for zero in (2, 3)
    },
}
# One sample for each of the two: one of the eleven records has no picture, and nobody may wait for ever.
ONE_EACH: dict[str, Any] = {"finetune__global_batch": 2, "finetune__updates": 11}
MET: dict[str, dict[str, Any]] = {
    "plain": {},
    "packed": {"finetune__packed": True},
    "mmfuser": {"vision__layers": "1,3,4", "fusion__kind": "mmfuser"},
    **{kind: {"connector__kind": kind} for kind in ("c_abstractor", "ldp", "resampler")},
}


@pytest.fixture(scope="module")
def shared(make_job: Make) -> dict[str, list[float]]:
    """The losses of each of `SHARED` and, in ZeRO 3, of `MET`."""
    changes = SHARED | {name: {**ONE_EACH, **ways, "finetune__zero": 3} for name, ways in MET.items()}
    made = {name: make_job(**each).model_copy(update={"hang_seconds": 60.0}) for name, each in changes.items()}
    train_among_two(list(made.values()))
    return {name: losses(task.out) for name, task in made.items()}


@pytest.mark.slow
def test_muon_among_two_processes(shared: dict[str, list[float]], run: Callable[..., Path]) -> None:
    """Each holds whole gradients and makes the same update: nothing is lost, and nobody drifts away."""
    # Sums of two processes are rounded otherwise than those of one. Muon rounds to bfloat16 (epsilon 0.008), so that a
    # last bit of a gradient may become 0.008 of an update: over 20 updates with a rate of 0.01, of a loss of 5 nats.
    assert shared["muon"] == pytest.approx(losses(run(**SHARED["muon"])), abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "other", "tolerance"),
    [
        *[("float32 0", f"float32 {zero}", {"abs": 1e-4}) for zero in (1, 2, 3)],
        ("bfloat16 2", "bfloat16 3", {"rel": 0.01}),
    ],
)
def test_zero_stages_agree_among_two_processes(
    shared: dict[str, list[float]], one: str, other: str, tolerance: dict[str, float]
) -> None:
    assert len(shared[one]) == 20
    assert shared[other] == pytest.approx(shared[one], **tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("ways", MET)
def test_a_text_beside_a_picture_in_zero_3(shared: dict[str, list[float]], run: Callable[..., Path], ways: str) -> None:
    alone = losses(run(**ONE_EACH, **MET[ways], finetune__zero=0))
    compresses = "connector__kind" in MET[ways]
    assert shared[ways] == pytest.approx(alone, abs=1e-3 if compresses else 1e-4)
