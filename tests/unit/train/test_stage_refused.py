"""A stage that cannot be trained, or whose weights are no numbers, is refused and leaves nothing."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stages import Run

from shallowsight.data.features import VALUES
from shallowsight.data.learning import Learning
from shallowsight.data.shortened import SHORTENED, Shortened
from shallowsight.errors import ConfigurationError, DataRefused, LossNotFinite, ShallowsightError
from shallowsight.train.parts import build_model, leave
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage


@pytest.mark.parametrize(
    ("zero", "what"),
    [(zero, r"the gradients are not finite at update [23]") for zero in (0, 1, 2)],
)
def test_a_stage_that_diverges_is_stopped(run: Run, zero: int, what: str) -> None:
    with pytest.raises(LossNotFinite, match=what + r", with records .*, or try a smaller learning_rate \(now .*e\+"):
        run("finetune", finetune__learning_rate=1e30, finetune__updates=5, finetune__warmup=0.0, finetune__zero=zero)


def test_broken_weights_are_not_left(make_job: Callable[..., ProcessTask], tokenizer: Any) -> None:
    """The last update can break them after its loss was a number."""
    made = make_job()
    model = build_model(made, tokenizer)
    with torch.no_grad():
        next(model.connector.parameters()).view(-1)[0] = float("inf")
    with pytest.raises(LossNotFinite, match="weights are not finite after the last update"):
        leave(model, made, tokenizer, [], Learning())
    assert not list(made.out.iterdir())


def test_features_that_are_no_numbers_are_refused(
    make_job: Callable[..., ProcessTask], cached: dict[int, Path], tmp_path: Path
) -> None:
    poisoned = Path(shutil.copytree(cached[2], tmp_path / "layer"))
    np.load(poisoned / VALUES, mmap_mode="r+")[:] = np.nan
    made = make_job("pretrain").model_copy(update={"feature_folders": (poisoned,)})
    with pytest.raises(ShallowsightError, match=r"the loss is nan at update 1, with records r.*\(now 1\.0e-02\)"):
        run_stage(made, lambda *_: None)
    assert not list(made.out.iterdir()), "a checkpoint of no worth was left"


def test_a_batch_that_does_not_divide(run: Run) -> None:
    with pytest.raises(ConfigurationError) as refused:
        run("finetune", accumulation=3)
    assert str(refused.value) == (
        "global_batch=4 does not divide by 1 processes x 3 micro-batches; use a multiple of 3"
    )


@pytest.mark.parametrize(
    ("length", "message"),
    [
        pytest.param(
            4,
            "one picture is 4 tokens, but language.max_length is 4: raise language.max_length or vision.pool",
            id="picture",
        ),
        pytest.param(5, "no record of finetune has an answer within language.max_length=5 tokens", id="answers"),
    ],
)
def test_too_short_a_language_model(run: Run, length: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        run("finetune", language__max_length=length)


def test_records_that_are_cut_are_named(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    out = run("finetune", language__max_length=15, data__max_bad_share=0.95)
    # The one without a picture is shorter.
    assert "finetune records: 10 of 11 cut at 15 tokens: 'r0', 'r1'" in caplog.text
    shortened = Shortened.read(out / SHORTENED)
    assert (shortened.records, shortened.cut, shortened.left_out) == (11, [f"r{n}" for n in range(10)], [])


def test_too_many_records_that_are_cut_are_refused(run: Run) -> None:
    with pytest.raises(DataRefused, match=r"finetune records: 10 of 11 cut at 15 tokens: .*at least 0\.91 here"):
        run("finetune", language__max_length=15, data__max_bad_share=0.9)
    run("finetune", language__max_length=15, finetune__updates=0)  # nothing is trained on them
