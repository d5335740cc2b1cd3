"""The formulas of an update's arithmetic against what torch counts while a real tiny model computes it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from small_vision_models import small_model
from tiny import tower_facts
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

from shallowsight.data.batches import Batch, Batches, Share
from shallowsight.data.conversation import IGNORE, IMAGE
from shallowsight.model.encode import PictureEncoder
from shallowsight.model.injection.places import Places
from shallowsight.model.tower.tower import Tower
from shallowsight.model.vlm import VLM
from shallowsight.study.image_tokens import feature_tokens
from shallowsight.study.legal import widths_of
from shallowsight.study.resolved import TowerFacts
from shallowsight.train.efficiency import FORMULAS, Costs, _tower, costs_of, device_peak
from shallowsight.train.loop import UpdateRecord
from shallowsight.train.parts import build_model, features_for, pictures_for
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.processes import join_processes
from shallowsight.train.stage import run_stage
from shallowsight.train.texts import read_examples

pytestmark = pytest.mark.usefixtures("one_thread")

Make = Callable[..., ProcessTask]
LORA = {"finetune__lora__rank": 8}


def batches_of(job: ProcessTask, tokenizer: PreTrainedTokenizerBase, pictures: PictureEncoder | None) -> Batches:
    return Batches(
        read_examples(job, tokenizer, join_processes()),
        features_for(job, pictures),
        job.settings.global_batch,
        job.experiment.seed,
        tokenizer.eos_token_id,
        row_tokens=job.experiment.language.max_length if job.settings.packed else None,
    )


def costs(job: ProcessTask, model: VLM, pictures: PictureEncoder | None) -> Costs:
    vision = job.experiment.vision
    widths, patches = widths_of(job.tower, vision.layers), feature_tokens(job.tower, vision)
    return costs_of(model, widths, patches, pictures.tower if pictures else None, vision.image_size)


def as_torch_counts(costs: Costs, batch: Batch) -> float:
    """Torch counts padding too, and attention to what comes later."""
    rows, width = batch.ids.shape
    answers, pictures = int((batch.labels[:, 1:] != IGNORE).sum()), len(batch.pictures[0])
    seeing = len(Places.of(batch.ids, batch.positions, pictures).seeing)
    return costs.total(rows * width, rows * width**2, answers, pictures, seeing)


def counted(job: ProcessTask, model: VLM, batch: Batch, pictures: PictureEncoder | None) -> int:
    # Torch counts no fused attention on a CPU.
    model.language.set_attn_implementation("eager")
    if pictures is not None:
        pictures.tower.encoder.set_attn_implementation("eager")  # type: ignore[operator]
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False, custom_mapping=FORMULAS) as counter:
        features = features_for(job, pictures).features(batch.pictures)
        model(features, batch.ids, batch.positions, batch.labels).backward()
    return counter.get_total_flops()


@pytest.mark.parametrize(
    ("stage", "live", "changes"),
    [
        pytest.param("pretrain", False, {}, id="frozen"),
        pytest.param("finetune", False, {}, id="trained"),
        pytest.param("finetune", False, LORA, id="adapters"),
        pytest.param("pretrain", False, {"connector__kind": "mlp2x_gelu"}, id="two-matrices"),
        pytest.param("pretrain", False, {"vision__layers": "1,3", "fusion__kind": "concat"}, id="fusion"),
        pytest.param("pretrain", False, {"vision__layers": "1,3", "fusion__kind": "mmfuser"}, id="fusion-that-learns"),
        pytest.param("pretrain", False, {"connector__kind": "c_abstractor"}, id="convolutions"),
        pytest.param("finetune", False, {"vision__layers": "1|3", "fusion__kind": "internal-direct"}, id="added"),
        pytest.param("pretrain", False, {"vision__layers": "1|3", "fusion__kind": "internal-modular"}, id="attended"),
        pytest.param("finetune", True, {}, id="cut-tower"),
        pytest.param("pretrain", True, {"vision__layers": "4", "vision__features": "cls_patch"}, id="whole-tower"),
    ],
)
def test_torch_counts_as_much(
    make_job: Make, tokenizer: PreTrainedTokenizerBase, stage: str, live: bool, changes: dict[str, Any]
) -> None:
    job = make_job(stage, live, **changes)
    model, pictures = build_model(job, tokenizer), pictures_for(job)
    batch = batches_of(job, tokenizer, pictures).micro_batch(0, 0, Share(0, 1, 1))
    assert as_torch_counts(costs(job, model, pictures), batch) == counted(job, model, batch, pictures)


def test_learned_queries_count_for_each_picture(make_job: Make, tokenizer: PreTrainedTokenizerBase) -> None:
    """They are computed once for a batch, in one matrix of many: one percent of an update at most."""
    job = make_job(connector__kind="resampler")
    model = build_model(job, tokenizer)
    batch = batches_of(job, tokenizer, None).micro_batch(0, 0, Share(0, 1, 1))
    found = counted(job, model, batch, None)
    assert found < as_torch_counts(costs(job, model, None), batch) < 1.01 * found


def test_tokens_that_see_a_picture(make_job: Make, tokenizer: PreTrainedTokenizerBase) -> None:
    """From the picture's first token on; the same in packed rows."""
    changes = {"vision__layers": "1|3", "fusion__kind": "internal-modular", "finetune__global_batch": 8}
    job = make_job(**changes)
    found, batches = costs(job, build_model(job, tokenizer), None), batches_of(job, tokenizer, None)
    batch = batches.micro_batch(0, 0, Share(0, 1, 1))
    sequences = [batches.examples[n].ids for n in batches.indices(0)]
    seeing = sum(len(ids) - ids.index(IMAGE) for ids in sequences if IMAGE in ids)
    assert 0 < seeing < sum(map(len, sequences))
    whole = replace(found, token=0.0, pair=0.0, answer=0.0, picture=0.0)
    assert found.seeing > 0
    assert whole.of(batch) == seeing * found.seeing
    packed = make_job(finetune__packed=True, **changes)
    assert whole.of(batches_of(packed, tokenizer, None).micro_batch(0, 0, Share(0, 1, 1))) == whole.of(batch)


@pytest.mark.parametrize(
    "language",
    [
        pytest.param(
            lambda: LlamaForCausalLM(
                LlamaConfig(
                    vocab_size=400,
                    hidden_size=32,
                    intermediate_size=48,
                    num_hidden_layers=2,
                    num_attention_heads=4,
                    num_key_value_heads=2,
                    head_dim=16,
                )
            ),
            id="grouped-queries",
        ),
        pytest.param(lambda: GPT2LMHeadModel(GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=4)), id="gpt2"),
    ],
)
def test_other_language_models(
    make_job: Make, tokenizer: PreTrainedTokenizerBase, language: Callable[[], torch.nn.Module]
) -> None:
    job = make_job("finetune")
    model = build_model(job, tokenizer)
    model.language = language()
    batch = batches_of(job, tokenizer, None).micro_batch(0, 0, Share(0, 1, 1))
    assert as_torch_counts(costs(job, model, None), batch) == counted(job, model, batch, None)


@pytest.mark.parametrize(("family", "class_token"), [("clip", True), ("dinov2", True), ("siglip", False)])
def test_towers(make_tower: Callable[[str, int], Any], family: str, class_token: bool) -> None:
    encoder = make_tower(family, 4)
    encoder.set_attn_implementation("eager")
    tower = Tower(encoder, tower_facts(family))
    assert tower.facts.prefix_tokens == class_token
    tower.cut(3)
    with FlopCounterMode(display=False) as counter:
        tower.hidden_states(torch.zeros(2, 3, 28, 28))
    all_of_it = counter.get_flop_counts()
    pooling = sum(all_of_it.get("SiglipVisionModel.head", {}).values())
    assert (pooling > 0) is (family == "siglip")  # left out: nothing reads it
    assert 2 * _tower(tower, 28) == counter.get_total_flops() - pooling


@pytest.mark.parametrize("name", ["convnext", "siglip2_vision_model"])
def test_towers_that_are_no_plain_transformer(name: str) -> None:
    """Stages of convolutions; patches that are cut before a matrix reads them."""
    stages = {"widths": (8, 16, 24, 32), "stride": 32} if name == "convnext" else {}
    facts = TowerFacts(
        name=name, family=name, depth=4 if stages else 3, width=32, patch=32 if stages else 8, has_class_token=False,
        digest="x", **stages,
    )  # fmt: skip
    tower = Tower(small_model(name), facts)
    with FlopCounterMode(display=False) as counter:
        tower.hidden_states(torch.zeros(2, 3, 64, 64))
    assert 2 * _tower(tower, 64) == counter.get_total_flops() > 0


def test_what_is_padding_costs_nothing(make_job: Make, tokenizer: PreTrainedTokenizerBase) -> None:
    job = make_job(finetune__global_batch=8)
    batches = batches_of(job, tokenizer, None)
    batch = batches.micro_batch(0, 0, Share(0, 1, 1))
    found = costs(job, build_model(job, tokenizer), None)
    lengths = [int(batches.examples.lengths[n]) for n in batches.indices(0)]
    assert len(set(lengths)) > 1
    tokens, pairs = sum(lengths), sum(n * (n + 1) // 2 for n in lengths)
    answers = int(batches.examples.supervised[batches.indices(0)].sum())
    pictures = sum(batches.examples[n].image is not None for n in batches.indices(0))
    assert found.of(batch) == found.total(tokens, pairs, answers, pictures, 0)


def run(job: ProcessTask) -> list[UpdateRecord]:
    records: list[UpdateRecord] = []
    run_stage(job, lambda record, _: records.append(record))
    return records


def test_packing_and_parts_do_not_change_it(make_job: Make) -> None:
    settings: dict[str, Any] = {"finetune__global_batch": 8}
    plain = [r.operations for r in run(make_job(**settings))]
    assert all(operations > 0 for operations in plain)
    assert [r.operations for r in run(make_job(accumulation=2, **settings))] == plain
    assert [r.operations for r in run(make_job(finetune__packed=True, **settings))] == plain


def test_a_cpu_has_no_known_peak(make_job: Make) -> None:
    record = run(make_job(finetune__updates=1))[0]
    assert (record.peak, record.device_memory, record.sample_count) == (0.0, 0, 4)
    assert 10**8 < record.memory < 10**11


@pytest.mark.parametrize(
    ("name", "precision", "peak"),
    [
        ("NVIDIA A100-SXM4-80GB", "bfloat16", 312e12),
        ("NVIDIA A100-SXM4-80GB", "float32", 156e12),  # TF32
        ("NVIDIA H100 80GB HBM3", "bfloat16", 989e12),
        ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", "bfloat16", 0.0),
        ("NVIDIA GeForce GTX 1080", "bfloat16", 0.0),
    ],
)
def test_peaks(name: str, precision: str, peak: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    assert device_peak(torch.device("cuda", 0), precision) == peak
