"""Which weights a stage begins with, which it moves, and which rest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from stages import Run, fresh, sums

from shallowsight.model.checkpoint import CONNECTOR, LANGUAGE
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage


def test_the_seed_is_of_the_first_weights_too(run: Run) -> None:
    first, second = (sums(run("finetune", seed=seed, finetune__updates=0)) for seed in (0, 1))
    assert first[CONNECTOR] != second[CONNECTOR] and first[LANGUAGE] != second[LANGUAGE]


def test_pretraining_moves_the_connector_alone(
    pretrained: Path, finetuned: Path, run: Run, small: Callable[..., Experiment], facts: TowerFacts, tokenizer: Any
) -> None:
    before = fresh(small(), facts.width, tokenizer)
    after = load_file(pretrained / CONNECTOR)
    assert set(after) == {"connector.0.weight", "connector.0.bias"}
    assert all(not torch.equal(after[name], before[name]) for name in after)
    # The next stage makes the language model anew: it must be the one that pretraining saw, untouched.
    resting = load_file(run("finetune", start=pretrained, finetune__updates=0) / LANGUAGE)
    assert all(torch.equal(resting[name], before[f"language.{name}"]) for name in resting)
    moved = load_file(finetuned / LANGUAGE)
    assert all(not torch.equal(moved[name], resting[name]) for name in resting if moved[name].ndim > 1)


def test_pretraining_leaves_the_language_model_untouched(
    make_job: Callable[..., ProcessTask], monkeypatch: pytest.MonkeyPatch, facts: TowerFacts, tokenizer: Any
) -> None:
    kept: list[VLM] = []
    monkeypatch.setattr("shallowsight.train.parts.save_pretrained", lambda model, *_: kept.append(model))
    made = make_job("pretrain")
    run_stage(made, lambda *_: None)
    before = fresh(made.experiment, facts.width, tokenizer)
    for name, p in kept[0].named_parameters():
        assert torch.equal(p, before[name]) is name.startswith("language."), name


def test_finetuning_goes_on_from_the_pretrained_connector(run: Run, pretrained: Path) -> None:
    out = run("finetune", start=pretrained, finetune__updates=0)
    assert sums(out)[CONNECTOR] == sums(pretrained)[CONNECTOR]
    assert sums(run("finetune", finetune__updates=0))[CONNECTOR] != sums(pretrained)[CONNECTOR]


def test_weight_decay_is_on_matrices_alone(run: Run) -> None:
    """With a vanishing clip nothing but the decay moves."""
    still = {"pretrain__clip": 1e-12, "pretrain__learning_rate": 1e-3, "pretrain__updates": 2}
    start = load_file(run("pretrain", pretrain__updates=0) / CONNECTOR)
    plain, decayed = (load_file(run("pretrain", **still, pretrain__weight_decay=d) / CONNECTOR) for d in (0.0, 100.0))
    weight, bias = "connector.0.weight", "connector.0.bias"
    assert decayed[weight].norm() < 0.95 * plain[weight].norm()
    torch.testing.assert_close(plain[weight], start[weight], atol=3e-3, rtol=0)
    assert torch.equal(decayed[bias], plain[bias])


def test_what_is_frozen_is_said(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    run("pretrain", pretrain__updates=0)
    said = [r.getMessage().split() for r in caplog.records if "parameters," in r.getMessage()]
    assert {words[0]: int(words[-2]) for words in said} == {
        "language": 0, "fusion": 0, "connector": 32 * 32 + 32, "injection": 0,
    }  # fmt: skip
