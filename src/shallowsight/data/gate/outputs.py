"""The output files of the data gate."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from shallowsight.data.gate.chunk import Chunk, to_line
from shallowsight.data.gate.facts import ROLES
from shallowsight.data.gate.own_rules import OwnRule
from shallowsight.data.gate.page import render
from shallowsight.data.gate.records import Record
from shallowsight.data.gate.rules import Rule

_SHOWN = 200  # the most characters of a value


class Outputs:
    """Writes the good rows of each file, and one quarantine file for all; use it in a `with` statement."""

    def __init__(self, quarantine: Path, rules: Sequence[Rule | OwnRule]) -> None:
        self._path, self._rules = quarantine, {rule.reason: rule for rule in rules}
        self._open, self._paths = ExitStack(), list[Path]()

    def __enter__(self) -> "Outputs":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._aside = self.begin(self._path)
        return self

    def __exit__(self, fault: type[BaseException] | None, *_: object) -> None:
        self._open.close()
        if fault is not None:  # an incomplete file would be taken for a complete one
            for path in self._paths:
                path.unlink()

    def begin(self, path: Path) -> BinaryIO:
        """Open a new file for the good rows of one data file."""
        self._paths.append(path)
        return self._open.enter_context(path.open("wb"))

    def write(self, chunk: Chunk, faults: Mapping[int, list[str]], good: BinaryIO) -> None:
        """Write a good row, converted, to `good`, and a bad row, as it was found and with its faults, to quarantine."""
        for place in range(len(chunk)):
            if place not in faults:
                good.write(chunk.line(place) + b"\n")
                continue
            entry = {
                "file": chunk.label,
                "row": chunk.table["number"][place],
                "id": chunk.table["id"][place],
                "reasons": faults[place],
                "faults": [_fault(self._rules[reason], chunk, place) for reason in faults[place]],
                "record": json.loads(chunk.text_found(place)),
            }
            self._aside.write(to_line(entry).encode() + b"\n")


def _fault(rule: Rule | OwnRule, chunk: Chunk, place: int) -> dict[str, Any]:
    columns = rule.columns if isinstance(rule, OwnRule) else (rule.column,)
    values = {column: _value(column, chunk, place) for column in columns}
    fault = {"reason": rule.reason, "rule": rule.words, "found": values}
    causes = [chunk.causes[column, place] for column in columns if (column, place) in chunk.causes]
    return fault | ({"cause": "; ".join(causes)} if causes else {})


def _value(column: str, chunk: Chunk, place: int) -> Any:
    """The value in the record, for a column that has only its count or kind."""
    record: Record = json.loads(chunk.line(place))
    turns = record.get("conversations")
    listed = turns if isinstance(turns, list) else []
    match column:
        case "unknown_roles":
            roles = [turn.get("from") for turn in listed if isinstance(turn, dict)]
            return _shown([role for role in roles if isinstance(role, str) and role not in ROLES])
        case "malformed_turns":
            return _shown([turn for turn in listed if not _is_turn(turn)])
        case "n_turns" if not isinstance(turns, list):
            return _shown(turns)
        case "id":
            return _shown(record.get("id"))
        case "image_type":
            return _shown(record.get("image", record.get("images")))
        case "image_status":
            return _shown(record.get("image"))
    return _shown(chunk.table[column][place])


def _is_turn(turn: object) -> bool:
    return isinstance(turn, dict) and isinstance(turn.get("from"), str) and isinstance(turn.get("value"), str)


def _shown(value: Any) -> Any:
    """The value itself, or the beginning of its JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def write_verdict(out: Path, validation: Mapping[str, Any]) -> None:
    """The verdict for programs (validation.json) and for people (validation.html)."""
    (out / "validation.json").write_text(json.dumps(validation, indent=2) + "\n", encoding="utf-8")
    (out / "validation.html").write_text(render(validation), encoding="utf-8")
