"""A store whose study was evaluated, with results that nobody computed."""

import json
from pathlib import Path

from shallowsight import steps
from shallowsight.store.cells import analyze_cell, evaluate_cell, prepare_cell
from shallowsight.store.plan import make_plan
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

PICTURE = "pictures/secret-patient.png"
WORDS = ("settings=3 3,7:concat", "seeds=0 1")
BENCHMARKS = ("scenes_colour", "scenes_ocr")
QUESTIONS = 3  # of each benchmark


def resolved_study() -> Resolved:
    return steps.resolve_study("quick", WORDS)


def evaluated(store: Store, without: str = "") -> Resolved:
    """Every cell of the study is whole, but the evaluations of the setting `without`."""
    resolved = resolved_study()
    steps.publish(resolved, store)
    for cell in (prepare_cell(resolved), analyze_cell(resolved)):
        store.build(cell, write_analysis)
    for cell in make_plan(resolved, store.folder(analyze_cell(resolved))).cells(resolved):
        if cell.step == "evaluate":
            if cell.setting != without:
                store.build(cell, write_results)
        else:
            store.build(cell, write_anything)
    steps.plan_members(resolved, store)
    return resolved


def cells_of(resolved: Resolved, setting: str, store: Store) -> list[Path]:
    """As steps.evaluate returns them."""
    parsed = Setting.parse(setting)
    return [store.folder(evaluate_cell(resolved, parsed, seed)) for seed in resolved.study.seeds]


def write_analysis(out: Path) -> None:
    groups = [{"name": "all", "layers": list(range(1, 13)), "representative": 7}]
    (out / "analysis.json").write_text(json.dumps({"groups": groups}))


def write_anything(out: Path) -> None:
    (out / "made").write_text("yes")


def write_results(out: Path) -> None:
    scores = [
        {"name": name, "category": name[7:], "metric": "accuracy", "value": 2 / 3, "n": QUESTIONS}
        | {"standard_error": None, "chance": 0.25}
        for name in BENCHMARKS
    ]
    samples = [
        {"benchmark": name, "category": name[7:], "id": f"{PICTURE}#{n}", "image_id": PICTURE}
        | {"question": f"What {name} is number {n}?", "prediction": f"answer-{n}", "target": "answer-1"}
        | {"correct": int(n == 1)}
        for name in BENCHMARKS
        for n in range(QUESTIONS)
    ]
    (out / "scores.json").write_text(json.dumps({"benchmarks": scores}))
    (out / "samples.jsonl").write_text("".join(json.dumps(sample) + "\n" for sample in samples))
