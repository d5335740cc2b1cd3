"""Answers to public benchmarks, beside the made-up ones of a study."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

SUBTASKS = {"existence": ["coarse"], "count": ["fine", "counting"], "OCR": ["fine", "text"]}
QUESTIONS = 12  # of each sub-task
Right = Callable[[str, int, str], int]  # setting, seed, sub-task -> how many questions are answered rightly


def add_public(folder: Path, right: Right, undecided: int = 0, refused: int = 0) -> Path:
    """Add MME and POPE to every evaluate cell.

    `undecided` of the wrong answers to MME's sub-task `count` are undecided. With `refused` questions POPE has no
    official numbers.
    """
    for cell in (folder / "cells").iterdir():
        record = json.loads((cell / "cell.json").read_text())
        if record["step"] == "evaluate":
            _add(cell, str(record["setting"]), int(record["seed"]), right, undecided, refused)
            (cell / "cell.json").write_text(json.dumps(record | {"outputs": {}}))
    return folder


def _add(cell: Path, setting: str, seed: int, right: Right, undecided: int, refused: int) -> None:
    scores = json.loads((cell / "scores.json").read_text())
    mme = [row for subtask in SUBTASKS for row in _rows("mme", "general", subtask, right(setting, seed, subtask))]
    for row in [r for r in mme if r["subtask"] == "count" and not r["correct"]][:undecided]:
        row["undecided"] = True
    pope = _rows("pope", "hallucination", "random", right(setting, seed, "random"))
    for row in pope:
        row["groups"] = []
    points = sum(row["correct"] for row in mme)
    numbers = {
        "mme": (
            {"mme_perception_score": 10.0 * points, "mme_cognition_score": 100.0},
            {"perception": 9.0 * points},
            {},
        ),
        "pope": (
            {} if refused else {"pope_accuracy": 0.25},
            {"accuracy": 0.5, "neither": None if seed else 0.1},
            {str(n): "2 pictures in one question" for n in range(refused)},
        ),
    }
    for rows in (mme, pope):
        name, low = rows[0]["benchmark"], sum(r["correct"] for r in rows) / len(rows)
        high = low + sum("undecided" in r for r in rows) / len(rows)
        official, ours, why = numbers[name]
        said = {"name": name, "category": rows[0]["category"], "metric": "accuracy", "value": low, "n": len(rows)}
        said |= {"standard_error": 0.01, "chance": 0.5, "bounds": [low, high], "official": official, "ours": ours}
        scores["benchmarks"].append(said | {"refused": why, "some_of": 2374 if name == "mme" else None})
    (cell / "scores.json").write_text(json.dumps(scores))
    with (cell / "samples.jsonl").open("a") as samples:
        samples.writelines(json.dumps(row) + "\n" for row in mme + pope)


def _rows(benchmark: str, category: str, subtask: str, right: int) -> list[dict[str, Any]]:
    return [
        {
            "benchmark": benchmark,
            "category": category,
            "subtask": subtask,
            "groups": SUBTASKS.get(subtask, []),
            "id": f"{subtask}-{n}",
            "image_id": f"{benchmark}-{subtask}-{n // 2}",
            "question": "Is it there?",
            "prediction": "Yes",
            "target": "Yes" if n < right else "No",
            "correct": float(n < right),
        }
        for n in range(QUESTIONS)
    ]
