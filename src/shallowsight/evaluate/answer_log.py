"""Answers that are kept as they come, so that a stopped evaluation asks only what is missing."""

import json
from collections.abc import Mapping

from shallowsight.store.digest import digest_of
from shallowsight.store.lines import Lines


class AnswerLog:
    """One line for each answer of one model; a line that a crash has cut is passed over."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._kept: dict[str, str] = {}
        for line in lines.found:
            self._read(line)

    def get(self, key: str) -> str | None:
        return self._kept.get(key)

    def add(self, answers: Mapping[str, str]) -> None:
        """Keep answers; they are on the disk when this returns."""
        lines = [json.dumps([key, text, _check(key, text)], ensure_ascii=False) + "\n" for key, text in answers.items()]
        self._lines.append("".join(lines))
        self._kept |= answers

    def _read(self, line: bytes) -> None:
        try:
            key, text, check = json.loads(line)
        except (ValueError, TypeError):
            return
        if check == _check(key, text):
            self._kept[key] = text


def answers_of(weights: str, also: object) -> str:
    """The name under which a store keeps the answers of one model.

    Args:
        weights: a digest over the bytes of all files of its checkpoint.
        also: whatever else decides an answer, as JSON values: the tower's weights, versions of packages.
    """
    return f"answers/{digest_of([weights, also])}"


def _check(key: object, text: object) -> str:
    return digest_of([key, text])
