"""A stage on tiny real data: it learns, it repeats itself exactly, and it touches only what it should."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from shallowsight.data.batches import Batches, Share
from shallowsight.data.features import VALUES
from shallowsight.data.shortened import SHORTENED, Shortened
from shallowsight.errors import ConfigurationError, DataRefused, LossNotFinite, ShallowsightError
from shallowsight.model.checkpoint import CONNECTOR, LANGUAGE, load_trained
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts
from shallowsight.train.engine import Engine
from shallowsight.train.launch import launch
from shallowsight.train.parts import LOSSES, build_model, leave
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.processes import join_processes
from shallowsight.train.stage import run_stage

Run = Callable[..., Path]


@pytest.fixture(scope="module")
def job(make_job: Callable[..., ProcessTask]) -> Callable[..., ProcessTask]:
    return make_job


@pytest.fixture(scope="module")
def run(job: Callable[..., ProcessTask]) -> Run:
    def go(*args: Any, **changes: Any) -> Path:
        made = job(*args, **changes)
        run_stage(made, lambda *_: None)
        return made.out

    return go


def losses(out: Path) -> list[float]:
    rows = [json.loads(line) for line in (out / LOSSES).read_text(encoding="utf-8").splitlines()]
    assert [row["update"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["loss"] for row in rows]


def sums(out: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(out.glob("*.safetensors"))}


@pytest.fixture(scope="module")
def pretrained(run: Run) -> Path:
    return run("pretrain")


@pytest.fixture(scope="module")
def finetuned(run: Run, pretrained: Path) -> Path:
    return run("finetune", start=pretrained)


def fresh(experiment: Experiment, width: int, tokenizer: Any) -> dict[str, torch.Tensor]:
    torch.manual_seed(experiment.seed)
    return {name: p.detach() for name, p in VLM(experiment, width, tokenizer).named_parameters()}


@pytest.mark.parametrize(("stage", "drop"), [("pretrain", 0.02), ("finetune", 1.0)])
def test_it_learns(run: Run, stage: str, drop: float) -> None:
    found = losses(run(stage, **{f"{stage}__updates": 25, f"{stage}__template": "short"}))
    assert len(found) == 25
    assert sum(found[-5:]) / 5 < sum(found[:5]) / 5 - drop


def test_the_callback_is_told_of_every_update(job: Callable[..., ProcessTask]) -> None:
    seen = []
    made = job()
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


def test_the_seed_is_of_the_first_weights_too(run: Run) -> None:
    first, second = (sums(run("finetune", seed=seed, finetune__updates=0)) for seed in (0, 1))
    assert first[CONNECTOR] != second[CONNECTOR] and first[LANGUAGE] != second[LANGUAGE]


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
        engine.backward(engine.loss(part).sum() / 4)
        if zero == 0:  # DeepSpeed keeps no norm then, but leaves the gradients until the step
            norm = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).norm()
        engine.step(1e-3)
    found = norm if zero == 0 else engine._engine.get_global_grad_norm()
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


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
    job: Callable[..., ProcessTask], monkeypatch: pytest.MonkeyPatch, facts: TowerFacts, tokenizer: Any
) -> None:
    kept: list[VLM] = []
    monkeypatch.setattr("shallowsight.train.parts.save_pretrained", lambda model, *_: kept.append(model))
    made = job("pretrain")
    run_stage(made, lambda *_: None)
    before = fresh(made.experiment, facts.width, tokenizer)
    for name, p in kept[0].named_parameters():
        assert torch.equal(p, before[name]) is name.startswith("language."), name


def test_finetuning_goes_on_from_the_pretrained_connector(run: Run, pretrained: Path) -> None:
    out = run("finetune", start=pretrained, finetune__updates=0)
    assert sums(out)[CONNECTOR] == sums(pretrained)[CONNECTOR]
    assert sums(run("finetune", finetune__updates=0))[CONNECTOR] != sums(pretrained)[CONNECTOR]


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


def test_weight_decay_is_on_matrices_alone(run: Run) -> None:
    """With a vanishing clip nothing but the decay moves."""
    still = {"pretrain__clip": 1e-12, "pretrain__learning_rate": 1e-3, "pretrain__updates": 2}
    start = load_file(run("pretrain", pretrain__updates=0) / CONNECTOR)
    plain, decayed = (load_file(run("pretrain", **still, pretrain__weight_decay=d) / CONNECTOR) for d in (0.0, 100.0))
    weight, bias = "connector.0.weight", "connector.0.bias"
    assert decayed[weight].norm() < 0.95 * plain[weight].norm()
    torch.testing.assert_close(plain[weight], start[weight], atol=3e-3, rtol=0)
    assert torch.equal(decayed[bias], plain[bias])


def test_batches_of_text_alone(job: Callable[..., ProcessTask], tmp_path: Path, prepared: Any) -> None:
    """Batches of one: one of the eleven records has no picture."""
    made = job("pretrain", pretrain__global_batch=1, pretrain__updates=11)
    run_stage(made, lambda *_: None)
    assert len(losses(made.out)) == 11


@pytest.mark.parametrize(
    ("zero", "what"),
    [(zero, r"the gradients are not finite at update [23]") for zero in (0, 1, 2)],
)
def test_a_stage_that_diverges_is_stopped(run: Run, zero: int, what: str) -> None:
    with pytest.raises(LossNotFinite, match=what + r", with records .*, or try a smaller learning_rate \(now .*e\+"):
        run("finetune", finetune__learning_rate=1e30, finetune__updates=5, finetune__warmup=0.0, finetune__zero=zero)


def test_broken_weights_are_not_left(job: Callable[..., ProcessTask], tokenizer: Any) -> None:
    """The last update can break them after its loss was a number."""
    made = job()
    model = build_model(made, tokenizer)
    with torch.no_grad():
        next(model.connector.parameters()).view(-1)[0] = float("inf")
    with pytest.raises(LossNotFinite, match="weights are not finite after the last update"):
        leave(model, made, tokenizer, [])
    assert not list(made.out.iterdir())


def test_features_that_are_no_numbers_are_refused(
    job: Callable[..., ProcessTask], cached: dict[int, Path], tmp_path: Path
) -> None:
    poisoned = Path(shutil.copytree(cached[2], tmp_path / "layer"))
    np.load(poisoned / VALUES, mmap_mode="r+")[:] = np.nan
    made = job("pretrain").model_copy(update={"feature_folders": (poisoned,)})
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


def test_what_is_frozen_is_said(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    run("pretrain", pretrain__updates=0)
    said = [r.getMessage().split() for r in caplog.records if "parameters," in r.getMessage()]
    assert {words[0]: int(words[-2]) for words in said} == {"language": 0, "fusion": 0, "connector": 32 * 32 + 32}


def test_launch_in_this_process(
    job: Callable[..., ProcessTask], tmp_path: Path, finetuned: Path, pretrained: Path
) -> None:
    made, seen = job("finetune", start=pretrained), []
    launch(made, 1, lambda record, updates: seen.append(updates))
    assert seen == [4] * 4 and sums(made.out) == sums(finetuned)


@pytest.mark.slow
def test_two_processes_train_the_same_model(
    job: Callable[..., ProcessTask], tmp_path: Path, finetuned: Path, pretrained: Path
) -> None:
    made = job("finetune", start=pretrained)
    launch(made, 2, lambda *_: None)
    assert losses(made.out) == pytest.approx(losses(finetuned), abs=1e-5)
    expected, found = load_file(finetuned / LANGUAGE), load_file(made.out / LANGUAGE)
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=1e-4, rtol=1e-3)


@pytest.mark.slow
def test_a_failure_among_processes_says_why(job: Callable[..., ProcessTask], tmp_path: Path) -> None:
    with pytest.raises(ShallowsightError) as refused:
        launch(job("finetune", finetune__global_batch=3), 2, lambda *_: None)
    assert "global_batch=3 does not divide by 2 processes x 1 micro-batches; use a multiple of 2" in str(refused.value)
