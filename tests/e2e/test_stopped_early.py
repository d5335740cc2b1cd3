"""A study that ends an evaluation early, through the real command line, and what it does when asked again."""

import json
from pathlib import Path
from typing import Any

import pytest
from evaluated_study import write_anything
from study_runs import cells, ledger, named, shallowsight, with_set

from shallowsight import steps
from shallowsight.data.records import read_jsonl, write_jsonl
from shallowsight.evaluate.harness import SAMPLES, SCORES
from shallowsight.store.cells import evaluate_cell, prepare_cell, stage_cell
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.stages import STAGES

pytestmark = pytest.mark.slow

WORDS = (
    "settings=2 penultimate",
    "seeds=0",
    "benchmarks=scenes_colour scenes_position",
    "data.scenes_train=20",
    "data.scenes_test=44",
    "data.easy_vqa_train=4",
    "data.easy_vqa_test=4",
    "vision.image_size=84",
    "pretrain.updates=1",
    "finetune.updates=1",
)
SAID = "stopped after 1/2 of the questions, below layer 11 in every category: layer 2"


def prepared(resolved: Resolved, store: Store) -> None:
    """The data, and in the place of the penultimate layer's trainings a file: nothing reads their weights."""
    steps.publish(resolved, store)
    steps.prepare_data(resolved, store)
    for stage in STAGES:
        store.build(stage_cell(resolved, resolved.setting("11"), 0, stage), write_anything)


def answered_well(resolved: Resolved, store: Store) -> int:
    """The penultimate layer's evaluation as that of a good model; returns the number of questions."""
    rows: list[dict[str, Any]] = []
    for question in read_jsonl(store.folder(prepare_cell(resolved)) / "questions.jsonl"):
        if question["kind"] in {"colour", "position"}:
            row = {"benchmark": f"scenes_{question['kind']}", "category": question["kind"], "id": question["id"]}
            row |= {"image_id": question["image"], "question": question["question"], "target": question["answer"]}
            right = len(rows) % 10 > 0
            rows.append(row | {"prediction": question["answer"] if right else "?", "correct": float(right)})

    def make(out: Path) -> None:
        write_jsonl(rows, out / SAMPLES)
        scores = []
        for name in resolved.base.benchmarks:
            right = [row["correct"] for row in rows if row["benchmark"] == name]
            value = sum(right) / len(right)
            scores.append({"name": name, "category": name[7:], "metric": "accuracy", "value": value, "n": len(right)})
        (out / SCORES).write_text(json.dumps({"benchmarks": scores}))

    store.build(evaluate_cell(resolved, resolved.setting("11"), 0), make)
    return len(rows)


def answers(study: Path) -> list[str]:
    (log,) = (study / "answers").iterdir()
    return log.read_text().splitlines()


def test_a_setting_that_clearly_loses_is_not_evaluated_further(tmp_path: Path) -> None:
    study = tmp_path / "study"
    store = Store(study)
    in_full = steps.resolve_study("quick", WORDS)
    assert not in_full.cache_features  # or these would be parents of the penultimate layer's trainings
    prepared(in_full, store)
    questions = answered_well(in_full, store)
    command = ("study", "quick", *with_set(*WORDS, "early_stop=true"), "--out", str(study))

    before = len(ledger(study))
    ended = shallowsight(*command)  # trains layer 2 for an update, after which it cannot answer
    assert ended.status == 0, ended.all
    assert named(ledger(study)[before:], "started") == {"analyze", "pretrain 2", "finetune 2", "screen 2"}
    assert SAID.lower() in ended.out.lower()
    row = next(line.split() for line in ended.out.splitlines() if line.split()[:1] == ["2"])
    assert row[1:] == ["stopped", "stopped"]
    (stopped,) = json.loads((study / "report" / "report.json").read_text())["early_stop"]["settings"]
    (trial,) = stopped["trials"]
    assert (stopped["setting"], trial["after"], trial["questions"]) == ("2", "1/2", questions)
    assert trial["asked"] == len(answers(study)) < questions
    assert "evaluate 2" not in cells(study)

    before = len(ledger(study))
    again = shallowsight(*command)
    assert again.status == 0, again.all
    assert named(ledger(study)[before:], "started") == set()
    assert "0 are to be made" in again.out

    kept = answers(study)
    (whole,) = steps.evaluate(in_full, "2", store)
    assert len(list(read_jsonl(whole / SAMPLES))) == questions
    after = answers(study)
    assert after[: len(kept)] == kept and len(set(after)) == len(after) == questions
