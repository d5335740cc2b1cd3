"""Operations against hand counts and against what torch counts on a real model."""

from collections.abc import Callable
from typing import Any

import pytest
from cost_subjects import LARGE, SMALL, TINY, subject, with_loads
from tiny import tower_facts

from shallowsight.cost.operations import (
    answer_operations,
    forward_operations,
    language_operations,
    public_operations,
    sample_operations,
    stage_operations,
    tower_operations,
)
from shallowsight.cost.shapes import PUBLISHED_LANGUAGES, language_shape
from shallowsight.cost.subject import Subject
from shallowsight.errors import ConfigurationError
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.settings import Setting
from shallowsight.study.stages import Lora, StageName
from shallowsight.study.study import Study

EIGHT, THREE = Setting.parse("8"), Setting.parse("3,6,9")
SIGLIP = SMALL.model_copy(update={"has_class_token": False, "prefix_tokens": 0})


def test_tower_by_hand() -> None:
    # 28 pixels: four patches and a class token. A layer: 2 x 12 H^2 a token, 4 T^2 H of attention; patches of 3 x 14^2.
    layer, patches = 24 * 384**2 * 5 + 4 * 25 * 384, 2 * 588 * 384 * 4
    assert tower_operations(SMALL, 28, 1) == layer + patches
    assert tower_operations(SMALL, 28, 3) == 3 * layer + patches
    assert tower_operations(SIGLIP, 28, 1) == 24 * 384**2 * 4 + 4 * 16 * 384 + patches


def test_clip_l_336_takes_382_gflop() -> None:
    assert tower_operations(LARGE, 336, 24) == pytest.approx(382e9, rel=1e-3)


def test_language_forward_by_hand() -> None:
    shape = PUBLISHED_LANGUAGES["mtgv/MobileLLaMA-1.4B-Base"]
    core = 24 * (4 * 2048**2 + 3 * 2048 * 5632)
    assert core == pytest.approx(1.233e9, rel=1e-3)
    assert forward_operations(shape, 826, 826) == 2 * (core + 32000 * 2048) * 826 + 24 * 2 * 826**2 * 2048
    assert forward_operations(shape, 826, 100) == 2 * core * 826 + 2 * 32000 * 2048 * 100 + 24 * 2 * 826**2 * 2048


def test_backward_by_hand() -> None:
    matrices, attention, head = 2 * 2 * TINY.layer_matrices * 80, 2 * 2 * 80**2 * 128, 2 * 128_000 * 10
    assert language_operations(TINY, 80, 10, trained=True) == (3 * (matrices + head + attention), 0)
    assert language_operations(TINY, 80, 10, trained=False) == (2 * (matrices + head) + 3 * attention, 0)
    adapters = 2 * TINY.adapters(8) * 80
    assert language_operations(TINY, 80, 10, trained=True, rank=8, checkpointing=True) == (
        2 * (matrices + head) + 3 * (attention + adapters),
        matrices + attention + adapters,  # the last product too: its adapter comes after it
    )


def test_connector_by_hand() -> None:
    # 36 image tokens; its first matrix has no gradient of its input, the second has.
    assert subject().parts(EIGHT).trained == 2 * (2 * 384 * 128 + 3 * 128**2) * 36
    assert subject("connector.kind=linear").parts(THREE).trained == 2 * 2 * 1152 * 128 * 36


def test_a_stage_is_its_samples() -> None:
    s = subject("finetune.global_batch=10", "finetune.updates=3")
    one = sample_operations(s, EIGHT, "finetune", 1)
    whole = stage_operations(s, EIGHT, "finetune")
    assert (whole.model, whole.hardware) == pytest.approx((30 * one.model, 30 * one.hardware))
    load = s.load(EIGHT, "finetune")
    needed, _ = language_operations(s.language, load.length, load.supervised, trained=True)
    assert one.model == pytest.approx(needed + s.parts(EIGHT).trained)
    assert one.tower == 0, "the features are in the cache"


def test_the_tower_is_cut_at_the_deepest_layer() -> None:
    live = subject(cached=False)
    one = sample_operations(live, THREE, "finetune", 1)
    assert one.tower == tower_operations(SMALL, 168, 9)
    assert one.hardware - one.tower == pytest.approx(sample_operations(subject(), THREE, "finetune", 1).hardware)


def test_a_frozen_language_model_costs_two_thirds() -> None:
    s = subject()
    load = s.load(EIGHT, "pretrain")
    trained, _ = language_operations(s.language, load.length, load.supervised, trained=True)
    frozen, _ = language_operations(s.language, load.length, load.supervised, trained=False)
    assert 0.66 < frozen / trained < 0.72
    assert sample_operations(s, EIGHT, "pretrain", 1).needed == pytest.approx(frozen + s.parts(EIGHT).trained)


def test_checkpointing_leaves_out_the_last_product() -> None:
    matrices, attention = 2 * 2 * TINY.layer_matrices * 80, 2 * 2 * 80**2 * 128
    for trained in (True, False):
        _, again = language_operations(TINY, 80, 10, trained=trained, checkpointing=True)
        assert again == matrices - 2 * 2 * 344 * 128 * 80 + attention


def test_checkpointing_adds_hardware_operations_only() -> None:
    plain, again = (stage_operations(subject(*w), EIGHT, "finetune") for w in ((), ("finetune.checkpointing=true",)))
    assert plain.model == again.model
    assert again.hardware / plain.hardware == pytest.approx(1.27, rel=0.03)


def test_adapters_lie_between_frozen_and_trained() -> None:
    whole, low = (stage_operations(subject(*w), EIGHT, "finetune").model for w in ((), ("finetune.lora.rank=4",)))
    assert 0.6 * whole < low < whole


def test_texts_without_a_picture_need_no_tower_and_no_connector() -> None:
    s = with_loads(subject(cached=False), pictured=0.0, bare_length=50.0)
    needed, _ = language_operations(s.language, 50, s.load(EIGHT, "finetune").supervised, trained=True)
    one = sample_operations(s, EIGHT, "finetune", 1)
    assert (one.tower, one.needed) == (0, needed)


def test_epochs_count_records() -> None:
    epochs, updates = subject("finetune.epochs=2"), subject("finetune.updates=4")
    # 120 records in batches of 64: 240 samples, the fourth batch filled from the next epoch.
    assert epochs.load(EIGHT, "finetune").updates == 4
    assert stage_operations(epochs, EIGHT, "finetune") == stage_operations(updates, EIGHT, "finetune")


def test_no_updates_cost_nothing() -> None:
    assert stage_operations(subject("pretrain.updates=0"), EIGHT, "pretrain").hardware == 0


def test_a_question_costs_a_forward_pass() -> None:
    s, live = subject(), subject(cached=False)
    forward = forward_operations(s.language, s.load(EIGHT, "finetune").length, 1) + s.parts(EIGHT).forward
    assert s.parts(EIGHT).forward == 2 * (384 * 128 + 128 * 128) * 36
    assert answer_operations(s, EIGHT) == forward
    assert answer_operations(live, EIGHT) == forward + tower_operations(SMALL, 168, 8)


# --- Against torch's own counter ------------------------------------------------------------------------------------


@pytest.fixture
def counted() -> Callable[..., float]:
    """Operations of forward and backward of a Llama and a linear connector, as torch counts them."""
    import torch
    import torch.nn.functional as F
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import LlamaConfig, LlamaForCausalLM

    from shallowsight.model.adapters import add_adapters

    def count(tokens: int, supervised: int, *, trained: bool, rank: int = 0, checkpointing: bool = False) -> float:
        config = LlamaConfig(
            vocab_size=TINY.vocabulary,
            hidden_size=TINY.width,
            intermediate_size=TINY.inner,
            num_hidden_layers=TINY.layers,
            num_attention_heads=TINY.heads,
            attn_implementation="eager",  # the counter does not know torch's attention for CPUs
        )
        model = LlamaForCausalLM(config).train().requires_grad_(trained)
        if rank:
            add_adapters(model, Lora(rank=rank))
        if checkpointing:
            model.activation_checkpointing_enable()
        connector = torch.nn.Linear(64, TINY.width)
        features, ids = torch.randn(1, 16, 64), torch.zeros(1, tokens - 16, dtype=torch.long)
        with FlopCounterMode(display=False) as counter:
            embeddings = torch.cat([connector(features), model.get_input_embeddings()(ids)], dim=1)
            states = model.base_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state
            logits: Any = model.lm_head(states[0, -supervised:])
            F.cross_entropy(logits, ids[0, :supervised]).backward()
        return counter.get_total_flops() - 2 * 2 * 64 * TINY.width * 16

    return count


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize(("trained", "rank"), [(True, 0), (False, 0), (True, 8)])
def test_language_as_torch_counts(counted: Callable[..., float], trained: bool, rank: int, checkpointing: bool) -> None:
    kind: dict[str, Any] = {"trained": trained, "rank": rank, "checkpointing": checkpointing}
    found = sum(language_operations(TINY, 96, 20, **kind))
    # torch's attention computes the half above the diagonal too.
    upper = 2 * TINY.layers * 96**2 * TINY.query_width * (3 + checkpointing)
    assert found + upper == pytest.approx(counted(96, 20, **kind), rel=0.02)


def test_the_operations_of_stages_are_not_counted() -> None:
    stages = SMALL.model_copy(update={"widths": (8, 16), "stride": 8})
    with pytest.raises(ConfigurationError, match="the operations of s, a tower in stages, are not counted"):
        tower_operations(stages, 168, 2)


def cut_tower(encoder: Any) -> Any:
    from shallowsight.model.tower.tower import Tower

    tower = Tower(encoder, tower_facts("clip"))
    tower.cut(2)
    return tower


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
@pytest.mark.parametrize("cached", [True, False])
def test_a_sample_as_training_meters_it(
    small: Callable[..., Experiment],
    tokenizer: Any,
    facts: TowerFacts,
    make_tower: Callable[..., Any],
    stage: StageName,
    cached: bool,
) -> None:
    """A running training says its operations too: both counts are one."""
    import torch

    from shallowsight.model.vlm import VLM
    from shallowsight.train.efficiency import costs_of
    from shallowsight.train.parts import STAGE_PARTS

    experiment = small(language__vocabulary=len(tokenizer), connector__kind="mlp2x_gelu")
    model = VLM(experiment, facts, tokenizer, torch.float32)
    for name, part in model.named_children():
        part.requires_grad_(name in STAGE_PARTS[stage])
    wide = facts.model_copy(update={"width": 32})
    tower = None if cached else cut_tower(make_tower("clip", 4))
    study = Study(name="x", base=experiment, settings=("2",), seeds=(0,))
    s = Subject(study, wide, language_shape(experiment.language), images=4, cached=cached)
    length = round(s.load(Setting.parse("2"), stage).length)
    s = with_loads(s, length=length, supervised=5)
    metered = costs_of(model, {2: 32}, s.patches, tower, experiment.vision.image_size).total(
        length, length * (length + 1) // 2, 5, 1, 0
    )
    found = sample_operations(s, Setting.parse("2"), stage, 1)
    # A tower whose MLP is twice as wide as it is has 8 H^2 parameters a layer, not 12.
    narrow = 0.0 if cached else 2 * 2 * 4 * 32**2 * 5
    assert found.model - narrow == pytest.approx(metered, rel=0.02)


def test_tower_as_torch_counts() -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(num_hidden_layers=3, hidden_size=384, num_attention_heads=6, image_size=56, patch_size=14)
    config._attn_implementation = "eager"
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        Dinov2Model(config).eval()(torch.zeros(1, 3, 56, 56))
    assert tower_operations(SMALL, 56, 3) == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_a_question_of_a_public_benchmark_runs_the_tower_also_where_features_are_cached() -> None:
    setting, size = EIGHT, 168
    cached = subject(cached=True)
    tower = tower_operations(SMALL, size, 8)
    assert public_operations(cached, setting) == pytest.approx(answer_operations(cached, setting) + tower)
    live = subject(cached=False)
    assert public_operations(live, setting) == answer_operations(live, setting)
