"""A stage on tiny real data: it learns, and it repeats itself, exactly or in other ways that must agree."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from stages import Run, losses, sums

from shallowsight.data.batches import Batches, Share
from shallowsight.errors import ShallowsightError
from shallowsight.model.checkpoint import CONNECTOR, LANGUAGE, load_trained
from shallowsight.study.experiment import Experiment
from shallowsight.train.engine import Engine
from shallowsight.train.launch import launch
from shallowsight.train.parts import LOSSES
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.processes import join_processes
from shallowsight.train.stage import run_stage


@pytest.mark.parametrize(("stage", "drop"), [("pretrain", 0.02), ("finetune", 1.0)])
def test_it_learns(run: Run, stage: str, drop: float) -> None:
    found = losses(run(stage, **{f"{stage}__updates": 25, f"{stage}__template": "short"}))
    assert len(found) == 25
    assert sum(found[-5:]) / 5 < sum(found[:5]) / 5 - drop


def test_the_callback_is_told_of_every_update(make_job: Callable[..., ProcessTask]) -> None:
    seen = []
    made = make_job()
    run_stage(made, lambda record, updates: seen.append((record, updates)))
    assert [(r.update, n) for r, n in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [r.loss for r, _ in seen] == losses(made.out)
    assert [r.learning_rate for r, _ in seen] == pytest.approx([1e-2, 0.8535534e-2, 0.5e-2, 0.1464466e-2], abs=1e-9)
    assert all(r.tokens > 4 * 6 and r.seconds > 0 for r, _ in seen)


def test_two_runs_from_nothing_are_equal(run: Run, pretrained: Path, finetuned: Path) -> None:
    again = run("pretrain")
    assert set(sums(pretrained)) == {CONNECTOR} and set(sums(finetuned)) == {CONNECTOR, LANGUAGE}
    assert sums(again) == sums(pretrained) and losses(again) == losses(pretrained)
    assert sums(run("finetune", start=again)) == sums(finetuned)


def test_another_seed_is_another_model(run: Run, pretrained: Path, finetuned: Path) -> None:
    other = run("pretrain", seed=1)
    assert sums(other)[CONNECTOR] != sums(pretrained)[CONNECTOR]
    second = sums(run("finetune", start=pretrained, seed=1))
    assert second[LANGUAGE] != sums(finetuned)[LANGUAGE] and second[CONNECTOR] != sums(finetuned)[CONNECTOR]


def test_updates_take_the_batches_of_their_number(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []
    real = Batches.micro_batch
    monkeypatch.setattr(Batches, "micro_batch", lambda self, *place: asked.append(place) or real(self, *place))
    run("finetune", finetune__updates=3, accumulation=2)
    share = Share(rank=0, processes=1, accumulation=2)
    assert asked == [(update, part, share) for update in range(3) for part in range(2)]


@pytest.mark.parametrize("accumulation", [1, 2, 4])
@pytest.mark.parametrize("zero", [0, 1, 2])
def test_the_gradient_is_that_of_the_global_batch(
    accumulation: int, zero: int, small: Callable[..., Experiment]
) -> None:
    """Adam forgives a wrong scale, clipping does not."""
    stage = small(finetune__clip=1e6, finetune__zero=zero).finetune
    torch.manual_seed(0)
    model, x = torch.nn.Linear(3, 1), torch.randn(4, 3)
    expected = torch.cat(
        [g.flatten() for g in torch.autograd.grad(model(x).sum() / 4, list(model.parameters()))]
    ).norm()
    engine = Engine(model, stage, join_processes(), accumulation)
    for part in x.chunk(accumulation):
        engine.backward(engine.forward(part).sum() / 4)
        if zero == 0:  # DeepSpeed keeps no norm then, but leaves the gradients until the step
            norm = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).norm()
        engine.step(1e-3)
    found = norm if zero == 0 else engine._engine.get_global_grad_norm()
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_no_updates(run: Run) -> None:
    out = run("pretrain", pretrain__updates=0)
    assert (out / LOSSES).read_text(encoding="utf-8") == "" and set(sums(out)) == {CONNECTOR}


def test_epochs(run: Run) -> None:
    # Eleven records, batches of four.
    assert len(losses(run("finetune", finetune__updates=None, finetune__epochs=1.0))) == 3


def test_a_finetuned_checkpoint_answers(finetuned: Path) -> None:
    trained = load_trained(finetuned)
    ids = torch.tensor([[1, 5, 6]])
    assert trained.model.answer([], ids, torch.ones_like(ids), 3, trained.tokenizer.eos_token_id).shape[0] == 1


def test_live_features_train_the_same_model(run: Run, pretrained: Path, finetuned: Path) -> None:
    live = run("finetune", start=pretrained, live=True)
    assert sums(live) == sums(finetuned) and losses(live) == losses(finetuned)


def test_layers_fused(run: Run) -> None:
    out = run("pretrain", vision__layers="1,3", fusion__kind="concat", connector__kind="mlp2x_gelu")
    assert load_file(out / CONNECTOR)["connector.0.weight"].shape == (32, 64)


def test_micro_batches_add_up(run: Run, pretrained: Path, finetuned: Path) -> None:
    parts = run("finetune", start=pretrained, accumulation=2)
    assert losses(parts) == pytest.approx(losses(finetuned), abs=1e-5)


@pytest.mark.parametrize("zero", [1, 2])
def test_zero_stages_agree(run: Run, pretrained: Path, finetuned: Path, zero: int) -> None:
    out = run("finetune", start=pretrained, finetune__zero=zero)
    assert losses(out) == pytest.approx(losses(finetuned), abs=1e-5)
    expected, found = load_file(finetuned / LANGUAGE), load_file(out / LANGUAGE)
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=1e-4, rtol=1e-3)


def test_bfloat16(run: Run, pretrained: Path, finetuned: Path) -> None:
    out = run("finetune", start=pretrained, finetune__precision="bfloat16")
    assert losses(out) == pytest.approx(losses(finetuned), rel=0.05)
    assert load_trained(out).model.language.get_input_embeddings().weight.dtype == torch.float32


def test_batches_of_text_alone(make_job: Callable[..., ProcessTask], tmp_path: Path, prepared: Any) -> None:
    """Batches of one: one of the eleven records has no picture."""
    made = make_job("pretrain", pretrain__global_batch=1, pretrain__updates=11)
    run_stage(made, lambda *_: None)
    assert len(losses(made.out)) == 11


def test_launch_in_this_process(
    make_job: Callable[..., ProcessTask], tmp_path: Path, finetuned: Path, pretrained: Path
) -> None:
    made, seen = make_job("finetune", start=pretrained), []
    launch(made, 1, lambda record, updates: seen.append(updates))
    assert seen == [4] * 4 and sums(made.out) == sums(finetuned)


@pytest.mark.slow
def test_two_processes_train_the_same_model(
    make_job: Callable[..., ProcessTask], tmp_path: Path, finetuned: Path, pretrained: Path
) -> None:
    alone: list[float] = []
    run_stage(make_job("finetune", start=pretrained), lambda record, _: alone.append(record.operations))
    made, operations = make_job("finetune", start=pretrained), []
    launch(made, 2, lambda record, _: operations.append(record.operations))
    assert operations == alone and len(alone) == 4
    assert losses(made.out) == pytest.approx(losses(finetuned), abs=1e-5)
    expected, found = load_file(finetuned / LANGUAGE), load_file(made.out / LANGUAGE)
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=1e-4, rtol=1e-3)


@pytest.mark.slow
def test_a_failure_among_processes_says_why(make_job: Callable[..., ProcessTask], tmp_path: Path) -> None:
    with pytest.raises(ShallowsightError) as refused:
        launch(make_job("finetune", finetune__global_batch=3), 2, lambda *_: None)
    assert "global_batch=3 does not divide by 2 processes x 1 micro-batches; use a multiple of 2" in str(refused.value)
