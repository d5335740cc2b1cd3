"""What a test record says beside its conversation about true answers: further accepted ones, and how answers score."""

from typing import Any

from shallowsight.data.boxes import only_box
from shallowsight.data.records import Record
from shallowsight.errors import DataRefused

EXACT, VQA, IOU = "exact", "vqa", "iou"
SCORES = (EXACT, VQA, IOU)
VQA_ANSWERS = 10  # of people, for each question


def accepted_answers(record: Record, answers: list[str]) -> list[list[str]]:
    """For each question the answers of the record's `accepted`; `answers` are those of its conversation.

    Raises:
        DataRefused: `accepted` is not a list with one list of texts for each question.
    """
    accepted: Any = record.get("accepted", [[] for _ in answers])
    if not isinstance(accepted, list) or len(accepted) != len(answers) or not all(map(_are_texts, accepted)):
        raise DataRefused(
            f"record {record['id']!r}: `accepted` is {accepted!r}; give a list with one list of texts for each of its "
            f'{len(answers)} questions, such as [["3", "three"]], or leave it out'
        )
    return accepted


def score_kind(record: Record, answers: list[str], accepted: list[list[str]]) -> str:
    """How the answers to this record's questions are scored: its `score`, or `exact`.

    Raises:
        DataRefused: `score` is unknown, or the record's true answers are not of the form that it needs.
    """
    kind = record.get("score", EXACT)
    if kind not in SCORES:
        raise DataRefused(
            f"record {record['id']!r}: `score` is {kind!r}; allowed are {', '.join(SCORES)}; left out, it is {EXACT}"
        )
    for answer, others in zip(answers, accepted, strict=True):
        if kind == VQA and len(others) != VQA_ANSWERS:
            raise DataRefused(
                f"record {record['id']!r}: `score` is {VQA!r}, which needs the answers of {VQA_ANSWERS} people to each "
                f"question in `accepted`; one question has {len(others)}"
            )
        for box in [answer, *others] if kind == IOU else ():
            if only_box(box) is None:
                raise DataRefused(
                    f"record {record['id']!r}: `score` is {IOU!r}, but the true answer {box!r} is not a box; write "
                    "[x1, y1, x2, y2] with numbers from 0 to 1, x1 < x2 and y1 < y2"
                )
    return str(kind)


def _are_texts(answers: object) -> bool:
    return isinstance(answers, list) and all(isinstance(answer, str) and answer.strip() for answer in answers)
