"""Which questions of prepared data probes learn and answer."""

from pathlib import Path

import pytest

from shallowsight.analysis.probes.questions import pictures_of, questions_about
from shallowsight.analysis.probes.task import Labelled
from shallowsight.data.records import Record, write_jsonl
from shallowsight.study.benchmarks import find_benchmark

COLOUR, OWN = find_benchmark("own:colour"), find_benchmark("own")


def record(name: str, image: str | None, *pairs: tuple[str, str, str]) -> Record:
    turns = [
        {"from": who, "value": said}
        for _, question, answer in pairs
        for who, said in (("human", f"<image>\n{question}"), ("gpt", answer))
    ]
    return {"id": name, "conversations": turns, "tasks": [kind for kind, _, _ in pairs]} | (
        {"image": image} if image else {}
    )


def question(name: str, image: str | None, kind: str, answer: str, score: str = "exact", *accepted: str) -> Record:
    return {
        "id": name,
        "image": image,
        "kind": kind,
        "question": "Which?",
        "answer": answer,
        "accepted": list(accepted),
        "score": score,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_jsonl(
        [
            record("1", "a.png", ("colour", "Which?", "red"), ("count", "How many?", "2")),
            record("2", None, ("colour", "Without a picture?", "red")),
            record("3", "b.png", ("count", "How many?", "3")),
        ],
        tmp_path / "finetune.jsonl",
    )
    write_jsonl(
        [
            question("4", "x.png", "colour", "red", "exact", "crimson"),
            question("5", None, "colour", "blue"),
            question("6", "y.png", "count", "4", "vqa", "4", "four"),
            question("7", "y.png", "box", "[0, 0, 1, 1]", "iou"),
        ],
        tmp_path / "questions.jsonl",
    )
    return tmp_path


def test_pictures_of_a_kind(folder: Path) -> None:
    assert pictures_of(folder, [COLOUR]) == (["a.png"], ["x.png"])
    assert pictures_of(folder, [COLOUR, OWN]) == (["a.png", "b.png"], ["x.png", "y.png"])


def test_questions_of_a_kind(folder: Path) -> None:
    colour, own = questions_about(folder, [COLOUR, OWN], ["a.png", "b.png"], ["x.png", "y.png"])
    assert colour.train == (Labelled("a.png", "Which?", ("red",)),)
    assert colour.test == (Labelled("x.png", "Which?", ("red", "crimson")),) and not colour.boxes
    assert len(own.train) == 3 and len(own.test) == 3 and own.boxes
    assert own.test[1].answers == ("4",), "of ten people's answers, the one in the conversation"


def test_only_chosen_pictures(folder: Path) -> None:
    (own,) = questions_about(folder, [OWN], ["b.png"], [])
    assert own.train == (Labelled("b.png", "How many?", ("3",)),) and own.test == ()
