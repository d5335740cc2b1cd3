"""Stages on language models that exist, of families that differ from a Llama where training could go wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from small_language_models import small_model
from stages import losses
from transformers import PreTrainedTokenizerBase

from shallowsight.model.checkpoint import LANGUAGE, load_trained
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage

pytestmark = pytest.mark.usefixtures("one_thread")

Make = Callable[..., ProcessTask]


@pytest.fixture
def run(make_job: Make, tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> Callable[..., Path]:
    def go(family: str, **changes: Any) -> Path:
        if not (tmp_path / family).exists():
            small_model(family, len(tokenizer)).save_pretrained(tmp_path / family)
        common = {"language__model": str(tmp_path / family), "language__max_length": 64}
        job = make_job(**common, finetune__learning_rate=1e-3, **changes)
        run_stage(job, lambda *_: None)
        return job.out

    return go


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        pytest.param("granite", {"finetune__zero": 3}, id="scaled logits, zero 3"),
        pytest.param("granite", {"finetune__zero": 1, "finetune__packed": True}, id="scaled logits, zero 1, packed"),
        pytest.param(
            "gemma2", {"finetune__zero": 3, "finetune__packed": True, "finetune__checkpointing": True}, id="all of it"
        ),
        pytest.param("mamba", {"finetune__zero": 2}, id="no attention"),
    ],
)
def test_the_same_training(run: Callable[..., Path], family: str, changes: dict[str, Any]) -> None:
    plain, out = run(family, finetune__zero=0), run(family, **changes)
    assert losses(out) == pytest.approx(losses(plain), rel=1e-4)
    load_trained(out)


@pytest.mark.parametrize("zero", [0, 2, 3])
def test_gpt2_learns_by_adapters(run: Callable[..., Path], zero: int) -> None:
    start = load_file(run("gpt2", finetune__updates=0) / LANGUAGE)
    out = run("gpt2", finetune__zero=zero, finetune__lora={"rank": 4}, finetune__updates=8)
    found = load_file(out / LANGUAGE)
    moved = {name for name in start if not torch.equal(found[name], start[name])}
    assert moved == {name for name in start if ".c_" in name and name.endswith(".weight")}
    assert losses(out)[-1] < losses(out)[0]
    load_trained(out)
