"""A finetuning is measured on held-out questions, and is none the worse for it."""

import json
import logging
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from stages import Run, losses, sums
from tiny import Prepared
from two_processes import train_among_two

from shallowsight.data.conversation import TEMPLATES, prompt_ids
from shallowsight.data.features import CachedFeatures
from shallowsight.data.held_out import held_out_file, read_held_out
from shallowsight.data.learning import LEARNING, Learning
from shallowsight.data.plain_text import plain_ids
from shallowsight.data.questions import EARLIER_TURNS, questions_of
from shallowsight.errors import LossNotFinite
from shallowsight.model.checkpoint import load_trained
from shallowsight.train.measuring import measured_updates
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.stage import run_stage

Make = Callable[..., ProcessTask]


def learning(out: Path) -> Learning:
    return Learning.model_validate_json((out / LEARNING).read_text(encoding="utf-8"))


@pytest.fixture
def unmeasured(prepared: Prepared) -> Path:
    """The same data without held-out records."""
    assert held_out_file(prepared.folder).read_bytes() == b""
    return prepared.folder


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        (1, (0, 1)),
        (2, (0, 1, 2)),
        (3, (0, 1, 2, 3)),
        (4, (0, 1, 2, 3, 4)),
        (10, (0, 3, 5, 8, 10)),
        (750, (0, 188, 375, 563, 750)),
    ],
)
def test_at_each_quarter(updates: int, expected: tuple[int, ...]) -> None:
    assert measured_updates(updates) == expected


def test_what_a_finetuning_leaves(run: Run) -> None:
    out = run(finetune__updates=5)
    raw = json.loads((out / LEARNING).read_text(encoding="utf-8"))
    assert set(raw) == {"points", "left_out"} and raw["left_out"] == 0
    assert [(p["update"], p["share"]) for p in raw["points"]] == [(0, 0.0), (2, 0.4), (3, 0.6), (4, 0.8), (5, 1.0)]
    for point in raw["points"]:
        assert {kind: found["questions"] for kind, found in point["kinds"].items()} == {
            "colour": 4,
            "own": 1,
            "sure": 4,
        }
        assert all(set(found) == {"questions", "loss", "exact"} for found in point["kinds"].values())
    assert raw["points"][-1]["kinds"]["sure"]["loss"] < raw["points"][0]["kinds"]["sure"]["loss"] - 1


def test_the_numbers_are_those_of_an_evaluation(
    run: Run, measured: Path, cached: dict[int, Path], tokenizer: Any
) -> None:
    """Each question alone, from the checkpoint: its loss, and whether greedy decoding gives the expected answer."""
    out = run(finetune__updates=40)
    trained, features = load_trained(out), CachedFeatures([cached[2]])
    found: dict[str, list[tuple[float, int, bool]]] = defaultdict(list)
    for asked in questions_of(read_held_out(measured), in_context=True):
        seen = features.features(features.load([asked["image"]])) if asked["image"] else []
        image_tokens = seen[0].shape[1] if seen else 0
        prompt = prompt_ids(asked["question"], TEMPLATES["short"], tokenizer, image_tokens, asked[EARLIER_TURNS])
        answer = [*plain_ids(asked["answer"], tokenizer), tokenizer.eos_token_id]
        ids, stop = torch.tensor([prompt]), tokenizer.eos_token_id
        said = trained.model.answer(seen, ids, torch.ones_like(ids), len(answer), stop)[0].tolist()
        whole = torch.tensor([prompt + answer])
        with torch.no_grad():
            logits = trained.model.language(inputs_embeds=trained.model.embed(seen, whole)).logits[0]
        loss = F.cross_entropy(logits[len(prompt) - 1 : -1], torch.tensor(answer), reduction="sum")
        found[asked["kind"]].append((float(loss), len(answer), said == answer))
    last = learning(out).points[-1]
    assert set(last.kinds) == set(found) and last.share == 1
    for kind, answers in found.items():
        total, tokens, exact = (sum(part) for part in zip(*answers, strict=True))
        assert last.kinds[kind].questions == len(answers)
        assert last.kinds[kind].exact == exact / len(answers)
        # float32 in another order of sums: relative errors of 1e-6, here of losses up to 5 nats.
        assert last.kinds[kind].loss == pytest.approx(total / tokens, abs=1e-4)
    shares = [answers.exact for answers in last.kinds.values()]
    assert max(shares) > 0, "something is answered, so that the comparison above means something"
    assert all(answers.exact == 0 for answers in learning(out).points[0].kinds.values())


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"finetune__zero": 0}, id="zero 0"),
        pytest.param({"finetune__zero": 1}, id="zero 1"),
        pytest.param({"finetune__zero": 2, "accumulation": 2}, id="zero 2, two passes"),
        pytest.param({"finetune__zero": 3}, id="zero 3"),
        pytest.param({"finetune__zero": 3, "finetune__precision": "bfloat16"}, id="zero 3, bfloat16"),
        pytest.param({"live": True}, id="from pixels"),
        pytest.param({"finetune__packed": True, "finetune__checkpointing": True}, id="packed, computed again"),
        pytest.param({"finetune__lora__rank": 4, "finetune__lora__dropout": 0.5}, id="with dropout"),
    ],
)
def test_measuring_does_not_change_the_training(make_job: Make, unmeasured: Path, changes: dict[str, Any]) -> None:
    """Bit for bit: nothing that a training computes depends on whether it is measured."""
    made = [make_job(**changes), make_job(**changes).model_copy(update={"data": unmeasured})]
    for each in made:
        run_stage(each, lambda *_: None)
    measured, plain = (each.out for each in made)
    assert len(learning(measured).points) == 5 and learning(plain) == Learning()
    assert sums(measured) == sums(plain) and losses(measured) == losses(plain)


def test_measured_without_dropout(make_job: Make, unmeasured: Path) -> None:
    """At the beginning the adapters add nothing, so a model with dropout in them answers as one without."""
    first = []
    for rank in (0, 4):
        made = make_job(finetune__lora__rank=rank, finetune__lora__dropout=0.9 if rank else 0.0, finetune__updates=1)
        run_stage(made, lambda *_: None)
        first.append(learning(made.out).points[0])
    assert first[0] == first[1]


def test_equal_trainings_leave_equal_files(run: Run) -> None:
    files = [(run(live=live) / LEARNING).read_bytes() for live in (False, False, True)]
    assert files[0] == files[1] == files[2]


@pytest.mark.parametrize("until", [1, 2, 3])
def test_a_resumed_training_keeps_its_points(make_job: Make, tmp_path: Path, until: int) -> None:
    """Of eight updates; it is stopped between two points, at a point, and after one."""
    whole, stopped = (make_job(finetune__updates=8) for _ in range(2))
    run_stage(whole, lambda *_: None)
    stopped = stopped.model_copy(update={"states": f"file://{tmp_path}", "save_seconds": 1e-9})

    class Enough(Exception):
        pass

    def stop(record: Any, updates: int) -> None:
        if record.update > until:
            raise Enough

    with pytest.raises(Enough):
        run_stage(stopped, stop)
    (newest, *_) = sorted(tmp_path.rglob("manifest.json"), reverse=True)
    points = json.loads(newest.read_text(encoding="utf-8"))["points"]
    assert [point["update"] for point in points] == [0, 2][: 1 + (until >= 2)]
    run_stage(stopped, lambda *_: None)
    assert (stopped.out / LEARNING).read_bytes() == (whole.out / LEARNING).read_bytes()


def test_questions_that_do_not_fit_are_counted(run: Run) -> None:
    # A tiny picture, a question and a colour fit; of the training records too, which are cut there.
    out = run(language__max_length=14, data__max_bad_share=1)
    found = learning(out)
    asked = sum(answers.questions for answers in found.points[-1].kinds.values())
    assert found.left_out > 0 and asked > 0 and asked + found.left_out == 9


def test_a_pretraining_has_none(run: Run, pretrained: Path) -> None:
    assert not (pretrained / LEARNING).exists()


def test_no_updates_no_points(run: Run) -> None:
    assert learning(run(finetune__updates=0)) == Learning()


def test_points_are_said(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run(finetune__updates=2)
    said = [r.getMessage() for r in caplog.records if r.name.endswith("measuring")]
    assert len(said) == 3 and said[-1].startswith("update 2 of 2, held-out questions answered exactly: colour ")


def test_a_sign_of_life_for_each_pass(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five records in passes of four: two passes for each of five points, and two signs for each of four updates."""
    seen = []
    monkeypatch.setattr("shallowsight.train.stage.Watchdog.alive", lambda self: seen.append(1))
    run_stage(make_job(), lambda *_: None)
    assert len(seen) == 1 + 2 * 5 + 2 * 4


def test_a_loss_that_is_no_number(make_job: Make, tmp_path: Path, cached: dict[int, Path]) -> None:
    import numpy as np

    folder = Path(shutil.copytree(cached[2], tmp_path / "features"))
    np.save(folder / "features.npy", np.full_like(np.load(folder / "features.npy"), np.nan))
    with pytest.raises(LossNotFinite, match=r"held-out record r1[0-3] is nan after update 0; look at this record, or"):
        run_stage(make_job().model_copy(update={"feature_folders": (folder,)}), lambda *_: None)


@pytest.mark.slow
def test_two_processes_measure_the_same(make_job: Make, run: Run) -> None:
    made = {zero: make_job(finetune__zero=zero) for zero in (0, 2, 3)}
    train_among_two(list(made.values()))
    for zero, task in made.items():
        for found, expected in zip(learning(task.out).points, learning(run(finetune__zero=zero)).points, strict=True):
            assert found.update == expected.update
            for kind, answers in expected.kinds.items():
                # The losses of two such trainings agree within 1e-5 (test_stage.py); held-out ones are after the
                # update.
                assert found.kinds[kind].loss == pytest.approx(answers.loss, abs=1e-4), f"{kind} in ZeRO {zero}"
