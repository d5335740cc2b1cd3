"""What a stage of training may be told, and the words of every refusal."""

from typing import Any

import pytest
from pydantic import ValidationError

from shallowsight.study.stages import Lora, Stage


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({}, "give either updates or epochs", id="neither"),
        pytest.param({"updates": 3, "epochs": 1.0}, "give either updates or epochs", id="both"),
        pytest.param({"updates": -1}, "greater than or equal to 0", id="negative updates"),
        pytest.param({"updates": 1.5}, "valid integer", id="half an update"),
        pytest.param({"epochs": 0}, "greater than 0", id="no epochs"),
        pytest.param({"updates": 1, "learning_rate": 0}, "greater than 0", id="learning rate"),
        pytest.param({"updates": 1, "global_batch": 0}, "greater than 0", id="batch"),
        pytest.param({"updates": 1, "warmup": 1}, "less than 1", id="warmup"),
        pytest.param({"updates": 1, "zero": 4}, "0, 1, 2 or 3", id="zero"),
        pytest.param({"updates": 1, "zero": -1}, "0, 1, 2 or 3", id="negative zero"),
        pytest.param(
            {"updates": 1, "zero": 0, "precision": "bfloat16"},
            "bfloat16 with zero=0 keeps no float32 copy of the weights; use zero=1, 2 or 3",
            id="bfloat16 alone",
        ),
        *(
            pytest.param(
                {"updates": 1, "zero": zero, "optimizer": "muon"},
                rf"optimizer=muon with zero={zero}: Muon needs whole matrices.*use zero=0.*, or optimizer=adamw",
                id=f"muon and zero {zero}",
            )
            for zero in (1, 2, 3)
        ),
        pytest.param({"updates": 1, "schedule": "linear"}, "'cosine' or 'constant_then_decay'", id="schedule"),
        pytest.param({"updates": 1, "part": 0}, "greater than 0", id="part"),
        pytest.param(
            {"updates": 1, "part": 9}, r"part=9: only a training with schedule=constant_then_decay", id="cosine"
        ),
        pytest.param(
            {"updates": 1, "schedule": "constant_then_decay", "part": 9, "warmup": 0.1},
            "warmup=0.1 leaves no update with a constant learning rate: with decay=0.1 and part=9 it must be "
            "less than 0.1",
            id="warmup of a part",
        ),
        pytest.param({"updates": 1, "decay": 1}, "less than 1", id="decay"),
        pytest.param({"updates": 1, "optimizer": "sgd"}, "'adamw' or 'muon'", id="optimizer"),
        pytest.param({"updates": 1, "picture": "squash"}, "'stretch', 'crop' or 'pad'", id="picture"),
        pytest.param({"updates": 1, "order": "sorted"}, "'shuffled' or 'by_length'", id="order"),
        pytest.param({"updates": 1, "packed": "rows"}, "valid boolean", id="packed"),
        pytest.param({"updates": 1, "connector_learning_rate": 0}, "greater than 0", id="connector's rate"),
        pytest.param({"updates": 1, "lora": {"rank": -1}}, "greater than or equal to 0", id="rank"),
        pytest.param({"updates": 1, "lora": {"rank": 8, "alpha": 0}}, "greater than 0", id="alpha"),
        pytest.param({"updates": 1, "lora": {"rank": 8, "dropout": 1}}, "less than 1", id="dropout"),
        pytest.param({"updates": 1, "lora": {"r": 8}}, "Extra inputs are not permitted", id="unknown field of lora"),
        pytest.param({"updates": 1, "template": "v2"}, "'plain', 'caption', 'short' or 'v1'", id="template"),
        pytest.param({"updates": 1, "precision": "float16"}, "'float32' or 'bfloat16'", id="precision"),
    ],
)
def test_stage_refuses(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Stage.model_validate({"learning_rate": 1e-3, "global_batch": 8} | changes)


@pytest.mark.parametrize("length", [{"updates": 0}, {"updates": 5}, {"epochs": 0.5}], ids=str)
def test_stage_accepts(length: dict[str, Any]) -> None:
    assert Stage(learning_rate=1e-3, global_batch=8, **length)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("zero", [0, 1, 2, 3]),
        ("picture", ["stretch", "crop", "pad"]),
        ("order", ["shuffled", "by_length"]),
        ("packed", [False, True]),
    ],
)
def test_stage_takes_every_choice(key: str, values: list[object]) -> None:
    for value in values:
        stage = Stage.model_validate({"learning_rate": 1e-3, "global_batch": 8, "updates": 1, key: value})
        assert getattr(stage, key) == value


def test_muon_with_whole_matrices() -> None:
    raw = {"learning_rate": 1e-3, "global_batch": 8, "updates": 1, "optimizer": "muon", "zero": 0}
    assert Stage.model_validate(raw).optimizer == "muon"


@pytest.mark.parametrize(("precision", "zero"), [("float32", 0), ("bfloat16", 1), ("bfloat16", 2), ("bfloat16", 3)])
def test_precisions_that_keep_a_float32_copy(precision: str, zero: int) -> None:
    raw = {"learning_rate": 1e-3, "global_batch": 8, "updates": 1, "precision": precision, "zero": zero}
    assert Stage.model_validate(raw).precision == precision


def test_what_a_stage_does_unless_it_is_told() -> None:
    """A digest holds them all: another default makes every finished training stale."""
    stage = Stage(learning_rate=1e-3, global_batch=8, updates=1)
    assert (stage.zero, stage.picture, stage.order, stage.packed, stage.checkpointing) == (
        2, "stretch", "shuffled", False, False
    )  # fmt: skip
    assert stage.optimizer == "adamw"
    assert stage.connector_learning_rate is None and stage.lora == Lora(rank=0, alpha=16.0, dropout=0.05)
