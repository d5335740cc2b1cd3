"""Cells with made-up answers, in the place of trainings."""

import json
import random
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from shallowsight import steps
from shallowsight.cli.local_run import status_of
from shallowsight.store.cells import Cell
from shallowsight.store.store import Store
from shallowsight.study.benchmarks import find_benchmark
from shallowsight.study.resolved import Resolved

QUESTIONS = 200
GROUPS = [
    {"name": "shallow", "layers": [1, 2, 3, 4], "representative": 3},
    {"name": "deep", "layers": [5, 6, 7, 8, 9, 10, 11, 12], "representative": 11},
]


def make_missing(arguments: Mapping[str, Any], store: Store, accuracies: Mapping[str, float]) -> list[str]:
    """What the pipeline of a study does, with the accuracy of each setting; returns the trainings that it made."""
    resolved = steps.resolve_study(arguments["study"], arguments["overrides"])
    made = []
    for _ in range(2):  # before the analysis the other cells are not known
        for cell in status_of(resolved, store).missing:
            store.build(cell, partial(_write, cell=cell, resolved=resolved, accuracies=accuracies))
            made += [f"{cell.setting} {cell.seed}"] if cell.step == "finetune" else []
    steps.plan_members(resolved, store)
    steps.report(store)
    return made


def _write(out: Path, cell: Cell, resolved: Resolved, accuracies: Mapping[str, float]) -> None:
    (out / "made.json").write_text("{}")
    if cell.step == "analyze":
        alike = [[1.0 if a == b else 0.5 for a in range(12)] for b in range(12)]
        maps = {"layers": list(range(1, 13)), "images": 9, "cosine": alike, "cka": alike}
        (out / "analysis.json").write_text(json.dumps({"groups": GROUPS, **maps}))
    if cell.step == "finetune":
        (out / "learning.json").write_text(json.dumps(_learning(resolved)))
    if cell.step == "evaluate":
        assert cell.setting is not None
        scores, samples = _answers(cell, resolved, accuracies[cell.setting])
        (out / "scores.json").write_text(json.dumps({"benchmarks": scores}))
        (out / "samples.jsonl").write_text("".join(json.dumps(s) + "\n" for s in samples))


def _learning(resolved: Resolved) -> dict[str, Any]:
    kinds = {str(find_benchmark(b).question_kind) for b in resolved.base.benchmarks}
    level = {kind: {"questions": 40, "loss": 0.1, "exact": 0.9} for kind in kinds}
    return {"points": [{"update": s, "share": s / 2, "kinds": level} for s in range(3)], "left_out": 0}


def _answers(cell: Cell, resolved: Resolved, accuracy: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    scores, samples = [], []
    draw = random.Random(f"{cell.setting} {cell.seed}")
    for name in resolved.base.benchmarks:
        category = find_benchmark(name).category
        rows: list[dict[str, Any]] = []
        for i in range(QUESTIONS):
            right = draw.random() < accuracy
            texts = {"id": str(i), "image_id": f"{category} {i}", "question": "?", "target": "1"}
            answer = {"prediction": "1" if right else str(draw.random()), "correct": int(right)}
            rows.append({"benchmark": name, "category": category, **texts, **answer})
        value = sum(row["correct"] for row in rows) / QUESTIONS
        scores.append({"name": name, "category": category, "metric": "accuracy", "value": value, "n": QUESTIONS})
        samples += rows
    return scores, samples
