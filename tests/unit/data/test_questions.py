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
        first | {"accepted": [], "score": "exact", EARLIER_TURNS: []},
        second | {"accepted": [], "score": "exact", EARLIER_TURNS: earlier},
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


def test_accepted_answers_and_their_score() -> None:
    said = record(accepted=[["crimson"] * 10, ["three"] * 10], score="vqa")
    found = list(questions_of([said, record()], in_context=False))
    assert [(q["answer"], q["accepted"], q["score"]) for q in found] == [
        ("red", ["crimson"] * 10, "vqa"),
        ("3", ["three"] * 10, "vqa"),
        ("red", [], "exact"),
        ("3", [], "exact"),
    ]


@pytest.mark.parametrize(
    "accepted",
    [[["red"]], [["red"], ["3"], []], ["red", "3"], [["red"], [3]], [["red"], [" "]], [["red"], None], "red", None, {}],
    ids=repr,
)
def test_accepted_answers_that_do_not_fit(accepted: object) -> None:
    with pytest.raises(DataRefused) as refused:
        list(questions_of([record(accepted=accepted)], in_context=False))
    assert f"record 'a': `accepted` is {accepted!r}; give a list with one list of texts for each of its 2" in str(
        refused.value
    )


@pytest.mark.parametrize("score", ["bleu", "", None, 1, ["vqa"], "VQA"], ids=repr)
def test_an_unknown_score(score: object) -> None:
    with pytest.raises(DataRefused) as refused:
        list(questions_of([record(score=score)], in_context=False))
    assert f"record 'a': `score` is {score!r}; allowed are exact, vqa, iou" in str(refused.value)


@pytest.mark.parametrize("accepted", [{}, {"accepted": [["red"] * 10, ["3"] * 9]}], ids=["none", "nine"])
def test_vqa_needs_ten_answers(accepted: dict[str, Any]) -> None:
    with pytest.raises(DataRefused, match=r"`score` is 'vqa', which needs the answers of 10 people to each question"):
        list(questions_of([record(score="vqa", **accepted)], in_context=False))


@pytest.mark.parametrize("box", ["red", "[0, 0, 1]", "[0.5, 0, 0.1, 1]", "[0, 0, 168, 168]"])
def test_iou_needs_boxes(box: str) -> None:
    talk = [{"from": "human", "value": "Where?"}, {"from": "gpt", "value": box}]
    with pytest.raises(DataRefused, match=r"the true answer '.*' is not a box; write \[x1, y1, x2, y2\]"):
        list(questions_of([{"id": "a", "conversations": talk, "score": "iou"}], in_context=False))
    good = [talk[0], {"from": "gpt", "value": "[0, 0.25, 1, 1]"}]
    more = {"accepted": [[box]], "score": "iou"}
    with pytest.raises(DataRefused, match="is not a box"):
        list(questions_of([{"id": "a", "conversations": good, **more}], in_context=False))
    assert list(questions_of([{"id": "a", "conversations": good, "score": "iou"}], in_context=False))
