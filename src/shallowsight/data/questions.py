"""Test records as single questions, which is how benchmarks ask them."""

from collections.abc import Iterable, Iterator
from typing import Any

from shallowsight.data.records import Record
from shallowsight.errors import DataRefused
from shallowsight.validation.facts import IMAGE_TOKEN

OWN_KIND = "own"


def questions_of(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    """One row for each question-answer pair: id, image key (or None), kind, question, answer.

    `tasks` of a record, where it has one, names the kind of each of its pairs.

    Raises:
        DataRefused: `tasks` is no list of as many kinds.
    """
    for record in records:
        turns = [turn["value"] for turn in record["conversations"]]
        pairs = list(zip(turns[::2], turns[1::2], strict=True))
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
                "kind": kind,
                "question": question.replace(IMAGE_TOKEN, "").strip(),
                "answer": answer,
            }
