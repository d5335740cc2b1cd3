"""Stages of training with layers that enter the language model: the parts that move, and the ways that agree."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from stages import Run, fresh, losses, require_equal_bytes_after_a_resume, sums
from tiny import tower_of_width
from two_processes import train_among_two

from shallowsight.data.conversation import IMAGE
from shallowsight.errors import ConfigurationError
from shallowsight.model.checkpoint import CONNECTOR, LANGUAGE, load_connector, load_trained
from shallowsight.model.vlm import VLM
from shallowsight.study.legal import widths_of
from shallowsight.train.efficiency import costs_of
from shallowsight.train.process_task import ProcessTask

Make = Callable[..., ProcessTask]
SETTINGS: dict[str, dict[str, Any]] = {
    "added": {"vision__layers": "1>0,2>1|3", "fusion__kind": "internal-direct"},
    "attended": {"vision__layers": "1>0,2>1|3", "fusion__kind": "internal-modular"},
}
INSIDE = pytest.mark.parametrize("inside", SETTINGS.values(), ids=SETTINGS.keys())


@pytest.fixture(scope="module")
def plain(run: Run) -> Callable[[dict[str, Any]], Path]:
    made: dict[str, Path] = {}

    def get(inside: dict[str, Any]) -> Path:
        kind = str(inside)
        if kind not in made:
            made[kind] = run(**inside)
        return made[kind]

    return get


def moved(start: Path, out: Path, file: str) -> set[str]:
    before, after = load_file(start / file), load_file(out / file)
    assert set(before) == set(after)
    return {name for name in before if not torch.equal(before[name], after[name])}


@INSIDE
def test_both_stages_train_what_enters(run: Run, inside: dict[str, Any], tokenizer: Any, small: Any) -> None:
    pretrained = run("pretrain", **inside)
    before, after = fresh(small(**inside), 32, tokenizer), load_file(pretrained / CONNECTOR)
    entering = {name for name in after if name.startswith("injection.")}
    assert entering == {name for name in before if name.startswith("injection.")} != set()
    assert all(not torch.equal(after[name], before[name]) for name in entering)
    finetuned = run("finetune", start=pretrained, **inside)
    assert entering <= moved(pretrained, finetuned, CONNECTOR)
    begun = run("finetune", start=pretrained, finetune__updates=0, **inside)
    assert sums(begun)[CONNECTOR] == sums(pretrained)[CONNECTOR]


@INSIDE
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"finetune__packed": True}, id="packed"),
        pytest.param({"finetune__packed": True, "live": True, "accumulation": 2}, id="packed, from pixels, two passes"),
        pytest.param({"finetune__checkpointing": True, "finetune__packed": True}, id="packed, computed again"),
        pytest.param({"finetune__zero": 0}, id="zero 0"),
        pytest.param({"finetune__zero": 1}, id="zero 1"),
        pytest.param({"finetune__zero": 3}, id="zero 3"),
        pytest.param({"finetune__zero": 3, "finetune__checkpointing": True}, id="zero 3, computed again"),
    ],
)
def test_the_same_training(
    run: Run, plain: Callable[[dict[str, Any]], Path], inside: dict[str, Any], changes: dict[str, Any]
) -> None:
    expected, out = plain(inside), run(**inside, **changes)
    assert losses(out) == pytest.approx(losses(expected), abs=2e-5)  # as for fusions outside
    # Adam moves a weight as far where its gradient is no larger than its rounding: a tenth of the learning rate.
    for file in (CONNECTOR, LANGUAGE):
        left, found = load_file(expected / file), load_file(out / file)
        for name in left:
            torch.testing.assert_close(found[name], left[name], atol=1e-3, rtol=1e-3)


@INSIDE
@pytest.mark.parametrize("changes", [{}, {"finetune__zero": 3}, {"finetune__checkpointing": True}], ids=str)
def test_in_half_precision(
    run: Run, plain: Callable[[dict[str, Any]], Path], inside: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Eight bits of a number are left: about one part in 256."""
    out = run(**inside, **changes, finetune__precision="bfloat16")
    assert losses(out) == pytest.approx(losses(plain(inside)), rel=0.02)
    assert load_file(out / CONNECTOR)["injection.0.connector.0.weight"].dtype == torch.bfloat16


@INSIDE
def test_the_connectors_rate_is_theirs_too(run: Run, inside: dict[str, Any]) -> None:
    start = run(finetune__updates=0, **inside)
    slow = run(finetune__connector_learning_rate=1e-9, **inside)
    before, after = load_file(start / CONNECTOR), load_file(slow / CONNECTOR)
    for name in before:
        torch.testing.assert_close(after[name], before[name], atol=1e-7, rtol=0)


@INSIDE
def test_adapters_are_for_the_language_model_alone(run: Run, inside: dict[str, Any]) -> None:
    changes = {"finetune__lora__rank": 4, "finetune__updates": 6} | inside
    start, out = run(finetune__updates=0, **inside), run(**changes, finetune__checkpointing=True)
    assert moved(start, out, LANGUAGE) == {name for name in load_file(start / LANGUAGE) if "_proj.weight" in name}
    assert moved(start, out, CONNECTOR) == set(load_file(start / CONNECTOR))
    assert losses(out) == pytest.approx(losses(run(**changes)), abs=2e-5)
    load_trained(out)


@INSIDE
def test_a_checkpoint_answers_as_the_model_that_was_trained(plain: Any, inside: dict[str, Any]) -> None:
    out = plain(inside)
    loaded = load_trained(out)
    expected = load_file(out / CONNECTOR)
    for name, p in loaded.model.injection.named_parameters():
        assert torch.equal(p, expected[f"injection.{name}"])
    ids = torch.tensor([[1, 5, IMAGE, IMAGE, IMAGE, IMAGE, 7]])
    features = [torch.randn(1, 4, 32, generator=torch.Generator().manual_seed(k)) for k in range(3)]
    shown = loaded.model.answer(features, ids, torch.ones_like(ids), 3, 2)
    assert shown.shape[0] == 1


@pytest.mark.parametrize("change", ["without", "more"])
def test_a_checkpoint_of_another_setting_is_refused(
    plain: Any, tmp_path: Path, small: Any, tokenizer: Any, change: str
) -> None:
    tensors = load_file(plain(SETTINGS["added"]) / CONNECTOR)
    if change == "without":
        del tensors["injection.1.connector.0.bias"]
    else:
        tensors["injection.2.connector.0.bias"] = torch.zeros(32)
    save_file(tensors, tmp_path / CONNECTOR)
    what = "missing" if change == "without" else "unknown"
    with pytest.raises(ConfigurationError, match=rf"is from another model: .*{what} \['injection\.\d\.conn"):
        load_connector(VLM(small(**SETTINGS["added"]), tower_of_width(32), tokenizer), tmp_path)


@INSIDE
@pytest.mark.parametrize("zero", [0, 3])
def test_a_resumed_stage_ends_in_the_same_bytes(
    make_job: Make, tmp_path: Path, zero: int, inside: dict[str, Any]
) -> None:
    changes = {"finetune__updates": 6, "finetune__zero": zero, "finetune__weight_decay": 0.1}
    require_equal_bytes_after_a_resume(make_job, tmp_path, changes | inside)


# One sample for each of two processes: one of the eleven records has no picture, and nobody may wait for ever.
ONE_EACH = {"finetune__global_batch": 2, "finetune__updates": 11}


@pytest.fixture(scope="module")
def shared(make_job: Make) -> dict[tuple[str, bool], list[float]]:
    """The losses of each setting among two processes, activations kept or computed again."""
    made = {
        (kind, again): make_job(finetune__zero=3, finetune__checkpointing=again, **ONE_EACH, **inside).model_copy(
            update={"hang_seconds": 60.0}
        )
        for kind, inside in SETTINGS.items()
        for again in (False, True)
    }
    train_among_two(list(made.values()))
    return {which: losses(task.out) for which, task in made.items()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SETTINGS)
def test_a_text_beside_a_picture_in_zero_3(shared: dict[tuple[str, bool], list[float]], run: Run, kind: str) -> None:
    alone = losses(run(finetune__zero=0, **ONE_EACH, **SETTINGS[kind]))
    assert shared[kind, False] == pytest.approx(alone, abs=1e-4), "activations kept"
    assert shared[kind, True] == pytest.approx(alone, abs=1e-4), "activations computed again"


def test_operations_of_what_enters_are_counted_at_every_image_token(small: Any, tokenizer: Any) -> None:
    """Two connectors, and keys and values: 4 operations for each weight in training, 2 more behind a trained one."""

    def operations(inside: dict[str, Any]) -> float:
        experiment, tower = small(**inside), tower_of_width(32)
        widths = widths_of(tower, experiment.vision.layers)
        return costs_of(VLM(experiment, tower, tokenizer), widths, 4, None, 28).picture

    square, outside = 32 * 32, operations({})
    assert operations(SETTINGS["added"]) - outside == 4 * 2 * 4 * square
    assert operations(SETTINGS["attended"]) - outside == 4 * 2 * (4 + 2 * 6) * square
