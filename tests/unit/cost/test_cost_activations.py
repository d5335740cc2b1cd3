"""Activations against what autograd really keeps, and the whole against a real process."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from cost_subjects import TINY

from shallowsight.cost.memory import layer_activations, memory
from shallowsight.cost.shapes import language_shape
from shallowsight.cost.subject import Subject
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.settings import Setting
from shallowsight.study.stages import Lora
from shallowsight.study.study import Study
from shallowsight.train.process_task import ProcessTask


@pytest.fixture
def kept() -> Callable[..., float]:
    """Bytes that one layer keeps of one token: what four more layers add."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from shallowsight.model.adapters import add_adapters

    tokens = 32

    def total(layers: int, half: bool, trained: bool, lora: Lora, checkpointing: bool) -> float:
        config = LlamaConfig(
            vocab_size=100,
            hidden_size=TINY.width,
            intermediate_size=TINY.inner,
            num_hidden_layers=layers,
            num_attention_heads=TINY.heads,
            num_key_value_heads=TINY.kv_heads,
        )
        model = LlamaForCausalLM(config).to(torch.bfloat16 if half else torch.float32).train().requires_grad_(trained)
        if lora.rank:
            add_adapters(model, lora)
        if checkpointing:
            model.activation_checkpointing_enable()
        weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
        found: dict[int, int] = {}
        alive = []

        def pack(tensor: Any) -> Any:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                found[storage.data_ptr()] = storage.nbytes()
                alive.append(tensor)
            return tensor

        embeddings = torch.randn(1, tokens, TINY.width, dtype=model.dtype, requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model.base_model(inputs_embeds=embeddings * 1, use_cache=False)
        return sum(found.values()) / tokens

    def measure(half: bool, trained: bool, lora: Lora, checkpointing: bool = False) -> float:
        two, six = (total(layers, half, trained, lora, checkpointing) for layers in (2, 6))
        return (six - two) / 4

    return measure


@pytest.mark.parametrize("half", [True, False], ids=["bfloat16", "float32"])
@pytest.mark.parametrize(
    ("trained", "rank", "dropout"),
    [
        pytest.param(True, 0, 0.0, id="trained"),
        pytest.param(False, 0, 0.0, id="frozen"),
        pytest.param(True, 8, 0.0, id="adapters"),
        pytest.param(True, 8, 0.05, id="adapters with dropout"),
    ],
)
def test_activations_of_a_layer(
    kept: Callable[..., float], half: bool, trained: bool, rank: int, dropout: float
) -> None:
    lora = Lora(rank=rank, dropout=dropout)
    e = 2 if half else 4
    found = layer_activations(TINY, e, trained=trained, lora=lora)
    if dropout:
        found += (e - 1) * (6 * TINY.width + TINY.inner)  # a CPU's dropout masks are numbers, a GPU's bytes
    assert found == pytest.approx(kept(half, trained, lora), rel=0.05)


_MAXIMUM = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_real_process_takes_as_much(
    make_job: Callable[..., ProcessTask], prepared: Any, facts: TowerFacts, checkpointing: bool
) -> None:
    """The most that a training process had resident, where the C library gives back what is freed."""

    def both(width: int, depth: int) -> tuple[float, float]:
        job = make_job(
            language__width=width,
            language__depth=depth,
            finetune__global_batch=64,
            finetune__updates=2,
            finetune__checkpointing=checkpointing,
            finetune__zero=0,
        )
        path = job.work / "job.json"
        path.write_text(job.model_dump_json(), encoding="utf-8")
        environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
        # Through a small process: a child's maximum begins with what its parent has resident.
        run = [sys.executable, "-c", _MAXIMUM, sys.executable, "-m", "shallowsight.train", str(path)]
        said = subprocess.run(run, env=environment, check=True, capture_output=True, text=True).stdout
        read = job.experiment.model_copy(update={"data": prepared.experiment.data})
        study = Study(name="x", base=read, settings=("2",), seeds=(0,))
        found = Subject(study, facts, language_shape(job.experiment.language), 10, cached=True)
        return int(said.splitlines()[-1]) * 1024, memory(found, Setting.parse("2"), "finetune", 1, 64).peak

    (small, small_forecast), (large, large_forecast) = both(64, 2), both(512, 10)
    assert 0.9 < (large_forecast - small_forecast) / (large - small) < 1.3
    assert large - small > 0.5e9


def test_checkpointing_keeps_the_input_of_a_layer(kept: Callable[..., float]) -> None:
    assert kept(True, True, Lora(), checkpointing=True) == 2 * TINY.width
