"""Records as the questions a benchmark asks."""

from typing import Any

import pytest

from shallowsight.data.questions import EARLIER_TURNS, questions_of
from shallowsight.errors import DataRefused
from shallowsight.study.benchmarks import find_benchmark


def record(**more: Any) -> dict[str, Any]:
    talk = ["<image>\nWhich colour?", "red", "How many?", "3"]
    turns = [{"from": ("human", "gpt")[i % 2], "value": said} for i, said in enumerate(talk)]
    return {"id": "a", "conversations": turns} | more


@pytest.mark.parametrize(("in_context", "earlier"), [(False, []), (True, [("Which colour?", "red")])])
def test_one_question_for_each_pair(in_context: bool, earlier: list[tuple[str, str]]) -> None:
    first = {"id": "a#0", "image": "x.png", "kind": "colour", "question": "Which colour?", "answer": "red"}
    second = {"id": "a#1", "image": "x.png", "kind": "count", "question": "How many?", "answer": "3"}
    assert list(questions_of([record(image="x.png", tasks=["colour", "count"])], in_context)) == [
        first | {EARLIER_TURNS: []},
        second | {EARLIER_TURNS: earlier},
    ]


def test_kinds_that_look_alike_are_one_kind() -> None:
    found = list(questions_of([record(tasks=["\u00e9", "e\u0301"])], in_context=False))
    assert {q["kind"] for q in found} == {"\u00e9"} == {find_benchmark("own:e\u0301").question_kind}


def test_without_tasks_or_image() -> None:
    found = list(questions_of([record(), record(id="b", tasks=[])], in_context=False))
    assert [(q["id"], q["kind"], q["image"]) for q in found] == [
        ("a#0", "own", None),
        ("a#1", "own", None),
        ("b#0", "own", None),
        ("b#1", "own", None),
    ]


@pytest.mark.parametrize(
    "tasks",
    [["colour"], ["colour", "count", "ocr"], "colour", 5, {"colour": 1}, ["colour", 3], ["colour", None]],
    ids=repr,
)
def test_tasks_that_do_not_fit(tasks: object) -> None:
    with pytest.raises(DataRefused) as refused:
        list(questions_of([record(tasks=tasks)], in_context=False))
    assert f"record 'a': `tasks` is {tasks!r}; give a list with the kind of each of its 2 questions" in str(
        refused.value
    )
