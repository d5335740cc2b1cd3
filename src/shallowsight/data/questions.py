"""Test records as questions, asked alone or after the turns before them."""

from collections.abc import Iterable, Iterator
from typing import Any
from unicodedata import normalize

from shallowsight.data.gate.facts import IMAGE_TOKEN
from shallowsight.data.records import Record
from shallowsight.errors import DataRefused

OWN_KIND = "own"
EARLIER_TURNS = "shallowsight_earlier_turns"  # a column that the model looks for in the rows of every lmms-eval task


def questions_of(records: Iterable[Record], in_context: bool) -> Iterator[dict[str, Any]]:
    """One row for each question-answer pair: id, image key (or None), kind, question, answer, earlier turns.

    A record's `tasks`, if it has this key, gives the kind of each of its pairs. With `in_context`, the earlier turns of
    a question are the pairs before it, with their true answers; without it, every question is asked alone.

    Raises:
        DataRefused: `tasks` is not a list with one kind for each pair.
    """
    for record in records:
        turns = [turn["value"] for turn in record["conversations"]]
        pairs = [(_words(asked), answer) for asked, answer in zip(turns[::2], turns[1::2], strict=True)]
        kinds = record.get("tasks") or [OWN_KIND] * len(pairs)
        if not isinstance(kinds, list) or len(kinds) != len(pairs) or not all(isinstance(k, str) for k in kinds):
            raise DataRefused(
                f"record {record['id']!r}: `tasks` is {kinds!r}; give a list with the kind of each of its "
                f"{len(pairs)} questions, or leave it out"
            )
        for number, ((question, answer), kind) in enumerate(zip(pairs, kinds, strict=True)):
            yield {
                "id": f"{record['id']}#{number}",
                "image": record.get("image"),
                "kind": normalize("NFC", kind),
                "question": question,
                "answer": answer,
                EARLIER_TURNS: pairs[:number] if in_context else [],
            }


def _words(question: str) -> str:
    return question.replace(IMAGE_TOKEN, "").strip()
