"""Test records as questions, asked alone or after the turns before them."""

from collections.abc import Iterable, Iterator
from typing import Any
from unicodedata import normalize

from shallowsight.data.gate.facts import IMAGE_TOKEN
from shallowsight.data.records import Record
from shallowsight.data.true_answers import accepted_answers, score_kind
from shallowsight.errors import DataRefused

OWN_KIND = "own"
EARLIER_TURNS = "shallowsight_earlier_turns"  # a column that the model looks for in the rows of every lmms-eval task


def questions_of(records: Iterable[Record], in_context: bool) -> Iterator[dict[str, Any]]:
    """One row for each question-answer pair: id, image key (or None), kind, question, true answers, earlier turns.

    A record's `tasks`, if it has this key, gives the kind of each of its pairs. With `in_context`, the earlier turns of
    a question are the pairs before it, with their true answers; without it, every question is asked alone. `accepted`
    and `score` of a record: see `true_answers`.

    Raises:
        DataRefused: `tasks` is not a list with one kind for each pair, or `accepted` or `score` is not usable.
    """
    for record in records:
        turns = [turn["value"] for turn in record["conversations"]]
        pairs = [(_words(asked), answer) for asked, answer in zip(turns[::2], turns[1::2], strict=True)]
        kinds = _kinds(record)
        if kinds is None:
            raise DataRefused(
                f"record {record['id']!r}: `tasks` is {record['tasks']!r}; give a list with the kind of each of its "
                f"{len(pairs)} questions, or leave it out"
            )
        answers = [answer for _, answer in pairs]
        accepted = accepted_answers(record, answers)
        score = score_kind(record, answers, accepted)
        for number, ((question, answer), kind) in enumerate(zip(pairs, kinds, strict=True)):
            yield {
                "id": f"{record['id']}#{number}",
                "image": record.get("image"),
                "kind": kind,
                "question": question,
                "answer": answer,
                "accepted": accepted[number],  # beside `answer`
                "score": score,
                EARLIER_TURNS: pairs[:number] if in_context else [],
            }


def training_kinds(record: Record) -> list[str]:
    """The kind of each pair of a training record; OWN_KIND for all if its `tasks` is something else than kinds.

    Nothing is scored by these kinds, so such a record is no reason to refuse the data.
    """
    return _kinds(record) or [OWN_KIND] * (len(record["conversations"]) // 2)


def _kinds(record: Record) -> list[str] | None:
    """The kind of each pair of a record; None if its `tasks` is not a list with one kind for each pair."""
    pairs = len(record["conversations"]) // 2
    kinds = record.get("tasks") or [OWN_KIND] * pairs
    if not isinstance(kinds, list) or len(kinds) != pairs or not all(isinstance(k, str) for k in kinds):
        return None
    return [normalize("NFC", kind) for kind in kinds]


def _words(question: str) -> str:
    return question.replace(IMAGE_TOKEN, "").strip()
