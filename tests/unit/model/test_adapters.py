"""Adapters change nothing at first, are all that is trained, and disappear into the weights."""

import copy
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerBase
from transformers.modeling_utils import PreTrainedModel

from shallowsight.errors import MissingPackage
from shallowsight.model.adapters import add_adapters, merge_adapters
from shallowsight.model.checkpoint import load_trained, save_finetuned
from shallowsight.model.language.language import build_language
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.stages import Lora

DEPTH = 12  # layers 1 and 11 have names of which one ends as the other
LORA = Lora(rank=4, alpha=10.0, dropout=0.3)
LINEAR = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
IDS = torch.randint(10, 250, (3, 11), generator=torch.Generator().manual_seed(0))
Build = Callable[..., PreTrainedModel]


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def build(
    request: pytest.FixtureRequest, small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase
) -> Build:
    def make(seed: int = 0) -> PreTrainedModel:
        torch.manual_seed(seed)
        model = build_language(small(language__depth=DEPTH).language, tokenizer, torch.float32)
        if not request.param:
            model.config.tie_word_embeddings = False
            model.lm_head.weight = nn.Parameter(torch.randn_like(model.lm_head.weight) * 0.2)
        return model.eval()

    return make


def logits(model: PreTrainedModel) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(IDS).logits
    return found


def train(model: PreTrainedModel, steps: int = 5) -> None:
    model.train()
    torch.manual_seed(1)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.3)
    for _ in range(steps):
        optimizer.zero_grad()
        model(IDS, labels=IDS).loss.backward()
        optimizer.step()
    model.eval()


@pytest.mark.parametrize("training", [False, True], ids=["answering", "training"])
def test_at_first_they_change_nothing(build: Build, training: bool) -> None:
    plain, adapted = build().train(training), build().train(training)
    add_adapters(adapted, LORA)
    adapted.train(training)
    assert torch.equal(logits(adapted), logits(plain))


def test_they_are_on_every_linear_layer_but_the_output_layer(build: Build) -> None:
    model = build()
    add_adapters(model, LORA)
    adapted = {name.rpartition(".lora_A")[0] for name, _ in model.named_parameters() if ".lora_A." in name}
    assert len(adapted) == 7 * DEPTH and {name.rpartition(".")[2] for name in adapted} == LINEAR
    assert {int(name.split(".")[2]) for name in adapted} == set(range(DEPTH))
    assert type(model.get_output_embeddings()) is nn.Linear and type(model.get_input_embeddings()) is nn.Embedding


def test_only_they_are_trained(build: Build) -> None:
    model = build()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    add_adapters(model, LORA)
    named = dict(model.named_parameters())
    assert {name for name, p in named.items() if p.requires_grad} == {name for name in named if ".lora_" in name}
    train(model)
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) is (".lora_" in name), name
        if ".lora_" not in name:
            assert torch.equal(parameter, before[name.replace(".base_layer", "")]), name
        else:
            assert parameter.grad.any(), name


def test_merged_they_are_gone_and_still_say_the_same(build: Build) -> None:
    plain, model = build(), build()
    add_adapters(model, LORA)
    train(model)
    said = logits(model)
    assert (said - logits(plain)).abs().max() > 0.01, "nothing was learnt"
    merge_adapters(model)
    assert [name for name, _ in model.named_parameters()] == [name for name, _ in plain.named_parameters()]
    assert list(model.state_dict()) == list(plain.state_dict())
    assert [type(part) for part in model.modules()] == [type(part) for part in plain.modules()]
    torch.testing.assert_close(logits(model), said, atol=1e-5, rtol=1e-5)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight or (
        plain.get_output_embeddings().weight is not plain.get_input_embeddings().weight
    )


@pytest.mark.parametrize(("rank", "alpha"), [(4, 16.0), (4, 4.0), (2, 1.0), (16, 16.0), (64, 16.0)])
def test_their_weight_is_alpha_over_rank(build: Build, rank: int, alpha: float) -> None:
    """As peft, and the public code through it, scales them."""
    model = build()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    add_adapters(model, Lora(rank=rank, alpha=alpha, dropout=0.0))
    train(model, steps=2)
    named = {name: p.detach().clone() for name, p in model.named_parameters()}
    merge_adapters(model)
    for name, merged in model.named_parameters():
        own = name.removesuffix(".weight")
        if f"{own}.lora_A.default.weight" not in named:
            assert torch.equal(merged, before[name]), name
            continue
        a, b = (named[f"{own}.lora_{side}.default.weight"] for side in "AB")
        assert a.shape[0] == b.shape[1] == rank and (b @ a).abs().max() > 1e-6
        torch.testing.assert_close(merged.detach() - before[name], alpha / rank * (b @ a), atol=1e-6, rtol=1e-4)


def test_dropout_is_of_training_alone(build: Build) -> None:
    def said(dropout: float, training: bool, seed: int) -> Tensor:
        model = build()
        add_adapters(model, Lora(rank=4, dropout=dropout))
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                nn.init.constant_(parameter, 0.05)
        torch.manual_seed(seed)
        return logits(model.train(training))

    assert torch.equal(said(0.5, False, 1), said(0.5, False, 2))
    assert not torch.allclose(said(0.5, True, 1), said(0.5, True, 2), atol=1e-3)
    assert torch.equal(said(0.0, True, 1), said(0.0, True, 2))


def test_first_weights_follow_the_global_seed(build: Build) -> None:
    def first(seed: int) -> list[Tensor]:
        model = build()
        torch.manual_seed(seed)
        add_adapters(model, LORA)
        return [p for name, p in model.named_parameters() if "lora_A" in name]

    assert all(torch.equal(a, b) for a, b in zip(first(1), first(1), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first(1), first(2), strict=True))


def test_a_checkpoint_of_merged_weights_is_like_any_other(
    small: Callable[..., Experiment], facts: TowerFacts, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    experiment = small(finetune__lora={"rank": 4})
    torch.manual_seed(0)
    model = VLM(experiment, facts, tokenizer)
    add_adapters(model.language, experiment.finetune.lora)
    train(model.language)
    said = logits(model.language)
    merge_adapters(model.language)
    save_finetuned(model, experiment, facts, tokenizer, tmp_path)
    torch.testing.assert_close(logits(load_trained(tmp_path).model.language), said, atol=1e-5, rtol=1e-5)


def test_matrices_that_begin_with_their_inputs(tmp_path: Path) -> None:
    """GPT-2's; merged, they stand as they stood."""
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=256, n_embd=32, n_layer=2, n_head=2, n_positions=32)
    plain, model = GPT2LMHeadModel(config).eval(), GPT2LMHeadModel(config).eval()
    model.load_state_dict(plain.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # peft guesses the order with a warning where it is not told
        add_adapters(model, LORA)
    adapted = {name.rpartition(".lora_A")[0] for name, _ in model.named_parameters() if ".lora_A." in name}
    assert {name.rpartition("transformer.h.0.")[2] for name in adapted if ".0." in name} == {
        "attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj",
    }  # fmt: skip
    train(model)
    said = logits(model)
    assert (said - logits(plain)).abs().max() > 0.01, "nothing was learnt"
    merge_adapters(model)
    assert list(model.state_dict()) == list(plain.state_dict())
    assert [type(part) for part in model.modules()] == [type(part) for part in plain.modules()]
    torch.testing.assert_close(logits(model), said, atol=1e-5, rtol=1e-5)
    model.save_pretrained(tmp_path)
    assert torch.equal(logits(GPT2LMHeadModel.from_pretrained(tmp_path).eval()), logits(model))


def test_merging_a_model_without_any_changes_nothing(build: Build) -> None:
    model = build()
    before = copy.deepcopy(model.state_dict())
    merge_adapters(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_package_is_named_when_missing(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build()
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingPackage, match=r"peft.*shallowsight\[train\]"):
        add_adapters(model, LORA)
    assert all(p.requires_grad for p in model.parameters()), "half adapted"
