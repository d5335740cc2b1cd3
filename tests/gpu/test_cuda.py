"""What only a GPU can show: run `pytest -m gpu` on one."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from shallowsight.train.parts import LOSSES
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

Make = Callable[..., ProcessTask]


def losses(job: ProcessTask) -> list[float]:
    run_stage(job, lambda *_: None)
    return [json.loads(line)["loss"] for line in (job.out / LOSSES).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("zero", [1, 2, 3])
def test_half_precision_follows_single(make_job: Make, zero: int) -> None:
    exact = losses(make_job(finetune__updates=20))
    found = losses(make_job(finetune__updates=20, finetune__precision="bfloat16", finetune__zero=zero))
    assert found == pytest.approx(exact, rel=0.05)


def test_readers_beside_the_gpu_change_nothing(make_job: Make) -> None:
    alone = losses(make_job(live=True, finetune__updates=8))
    assert losses(make_job(live=True, finetune__updates=8).model_copy(update={"workers": 2})) == alone


@pytest.mark.skipif(find_spec("flash_attn") is None, reason="flash-attn is not installed")
def test_flash_attention_tells_packed_sequences_apart(make_job: Make, tmp_path: Any, tokenizer: Any) -> None:
    from shallowsight.model.language.language import build_language
    from shallowsight.study.experiment import Language

    # The model from scratch takes torch's attention; one that exists takes flash-attn.
    folder = tmp_path / "language"
    scratch = Language(width=64, depth=2, heads=2, vocabulary=300, max_length=96)
    build_language(scratch, tokenizer, torch.float32).save_pretrained(folder)
    common = {"language__model": str(folder), "finetune__precision": "bfloat16", "finetune__updates": 8}
    apart = losses(make_job(**common))
    assert losses(make_job(finetune__packed=True, **common)) == pytest.approx(apart, rel=0.02)
