"""Questions a second of the evaluation against lmms-eval's usual way: `python -m benchmarks.evaluation STUDY SETTING`.

The same checkpoint, the same questions, in one run and taking turns: questions one by one, each with a pass of the
tower, as models of lmms-eval answer with batch size 1; and as a study answers, in batches of similar length, a picture
encoded once for all its questions. Compared are CPU seconds, because other programs may run, and the answers.
"""

import sys
import time
from pathlib import Path
from typing import Any

from shallowsight.data.questions import EARLIER_TURNS
from shallowsight.data.records import read_jsonl
from shallowsight.evaluate.adapter import ShallowsightModel
from shallowsight.evaluate.local_task import doc_to_visual
from shallowsight.export.cell import find_cell

ROUNDS = 3
QUESTIONS = 120  # about as many pictures as a third of them


def questions(data: Path) -> list[dict[str, Any]]:
    """Questions about pictures that are asked about more than once, as benchmarks have them."""
    rows = [row | {"shards": str(data)} for row in read_jsonl(data / "questions.jsonl") if row["image"]]
    rows.sort(key=lambda row: (row["image"], row["id"]))
    return rows[:QUESTIONS]


def ask(model: ShallowsightModel, rows: list[dict[str, Any]]) -> tuple[float, list[str]]:
    """CPU seconds, and the answers."""
    from lmms_eval.api.instance import Instance

    model.task_dict["speed"] = {"test": rows}
    requests = [
        Instance(
            "generate_until",
            (row["question"], {"until": [], "max_new_tokens": 16}, doc_to_visual, number, "speed", "test"),
            0,
            {"task": "speed", "doc_id": number, "repeats": 1},
        )
        for number, row in enumerate(rows)
    ]
    before = time.process_time()
    answers = model.generate_until(requests)
    return time.process_time() - before, answers


def one_by_one(checkpoint: Path, tower: str, rows: list[dict[str, Any]]) -> tuple[float, list[str]]:
    """Each question in a call of its own; nothing of one question is kept for the next."""
    model = ShallowsightModel(str(checkpoint), batch_size=1, device="cpu", tower=tower)
    ask(model, rows[:2])  # loads the tower
    seconds, answers = 0.0, []
    for row in rows:
        model._here()._pictures._held.clear()
        spent, (answer,) = ask(model, [row])
        seconds += spent
        answers.append(answer)
    return seconds, answers


def together(checkpoint: Path, tower: str, rows: list[dict[str, Any]]) -> tuple[float, list[str]]:
    """As a study asks."""
    model = ShallowsightModel(str(checkpoint), device="cpu", tower=tower)
    ask(model, rows[:2])
    model._here()._pictures._held.clear()  # the two questions above
    return ask(model, rows)


def main(study: str, setting: str) -> None:
    cell = find_cell(study, setting, None)
    rows = questions(next(path.parent for path in Path(study).glob("cells/*/questions.jsonl")))
    assert all(not row.get(EARLIER_TURNS) for row in rows)
    pictures = len({row["image"] for row in rows})
    print(f"{len(rows)} questions about {pictures} pictures, {setting} of {study}; CPU seconds of {ROUNDS} rounds")
    for number in range(1, ROUNDS + 1):
        slow, alone = one_by_one(cell.folder, cell.tower, rows)
        fast, batched = together(cell.folder, cell.tower, rows)
        same = sum(a == b for a, b in zip(alone, batched, strict=True))
        print(
            f"round {number}: one by one {slow:6.2f} s, {len(rows) / slow:6.1f} questions/s; together {fast:6.2f} s, "
            f"{len(rows) / fast:6.1f} questions/s: {slow / fast:.1f} times; {same} of {len(rows)} answers equal"
        )


if __name__ == "__main__":
    main(*sys.argv[1:3])
