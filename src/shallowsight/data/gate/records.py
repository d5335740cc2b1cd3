"""Read LLaVA records one by one from a .json list or a .jsonl file of unknown quality.

Both forms are streamed: memory holds one record and one chunk of text, whatever the size of the file.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

from shallowsight.errors import ConfigurationError
from shallowsight.store.lfs import MEND, is_pointer

Record = dict[str, Any]

_CHUNK = 1 << 20  # characters
_SPACE = re.compile(r"[ \t\r\n]*")
_ALLOWED = "Allowed: a .json file with one list of objects, or a .jsonl file with one object a line, in UTF-8."
_KINDS = {'"': "a text", "[": "a list", "{": "an object", "n": "null", "t": "true", "f": "false", "]": "nothing"}


@dataclass(frozen=True, kw_only=True)
class RecordLimits:
    """How large one record may be; the largest record of LLaVA's 665K data is far below both limits."""

    max_chars: int = 16 << 20  # of JSON text
    max_depth: int = 16  # of nested lists and objects


def read_records(path: Path, limits: RecordLimits | None = None) -> Iterator[tuple[int, Record]]:
    """Yield (row number, raw record) in file order; see `read_texts`."""
    return ((number, record) for number, record, _ in read_texts(path, limits))


def read_texts(path: Path, limits: RecordLimits | None = None) -> Iterator[tuple[int, Record, str]]:
    """Yield (row number, raw record, its JSON text in the file) in file order.

    The row number counts from 1: the place in the list (.json) or the line, blank ones included (.jsonl). The JSON of
    a list's record may have several lines.

    Raises:
        ConfigurationError: the file is absent, not UTF-8, not JSON, not a list of objects, or a record is too large.
    """
    limits = limits or RecordLimits()
    readers = {".json": _from_list, ".jsonl": _from_lines}
    if path.suffix.lower() not in readers:
        _refuse(path, f"the name ends in {path.suffix!r}", "rename or convert it")
    if not path.is_file():
        found = "it is a folder" if path.is_dir() else "there is no such file"
        _refuse(path, found, "check the path and the mounted volume")
    if is_pointer(path):
        _refuse(path, "it is a pointer of git-lfs, not the file itself", MEND)
    number = 0
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for number, record, text in readers[path.suffix.lower()](path, stream, limits):
                # Counting brackets is quick, and most rows have fewer brackets than levels are allowed.
                if text.count("{") + text.count("[") > limits.max_depth and _deeper_than(record, limits.max_depth):
                    _refuse(path, f"row {number} is nested deeper than {limits.max_depth} levels", "mend the row")
                yield number, record, text
    except UnicodeDecodeError as error:
        _refuse(path, f"it is not UTF-8 after row {number} ({error.reason})", "convert it to UTF-8")
    except RecursionError:
        _refuse(path, f"row {number + 1} is nested deeper than {limits.max_depth} levels", "mend the row")
    except ValueError as error:  # JSONDecodeError, and integers of thousands of digits
        _refuse(path, f"it is not JSON after row {number} ({error})", "mend the file or fetch it again")
    except OSError as error:
        _refuse(path, f"it cannot be read ({error.strerror})", "check its permissions and the volume")


def _refuse(path: Path, found: str, mend: str) -> NoReturn:
    raise ConfigurationError(f"data file {path}: {found}. {_ALLOWED} To go on: {mend}.") from None


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text} is too large for a floating-point number")
    return number


_DECODER = json.JSONDecoder(parse_constant=_reject_constant, parse_float=_finite)


class _Window:
    """The part of the text that is in memory, and the reader's position in it."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.text, self.at = stream, "", 0

    def grow(self) -> bool:
        chunk = self.stream.read(_CHUNK)
        self.text, self.at = self.text[self.at :] + chunk, 0
        return bool(chunk)

    def peek(self) -> str:
        """The next character that is not white space; empty at the end of the file."""
        while True:
            space = _SPACE.match(self.text, self.at)
            self.at = space.end() if space else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.grow():
                return ""

    def take_object(self, max_chars: int) -> tuple[Record, str] | None:
        """The object that starts here, and its text; None when it is longer than `max_chars`."""
        while True:
            try:
                record, end = _DECODER.raw_decode(self.text, self.at)
            except json.JSONDecodeError:  # the object is broken, or not yet completely in the window
                if len(self.text) - self.at > max_chars:
                    return None
                if not self.grow():
                    raise
                continue
            text, self.at = self.text[self.at : end], end
            return (record, text) if len(text) <= max_chars else None


def _from_list(path: Path, stream: TextIO, limits: RecordLimits) -> Iterator[tuple[int, Record, str]]:
    window = _Window(stream)
    if (first := window.peek()) != "[":
        found = f"it holds {_KINDS.get(first, 'a number or broken text')}, not a list" if first else "it is empty"
        _refuse(path, found, "if it has one object a line, rename it to .jsonl; otherwise fetch it again")
    window.at += 1
    number = 0
    if window.peek() == "]":
        after = "]"
    else:
        after = ","
    while after == ",":
        number += 1
        if (found := window.peek()) != "{":
            _refuse(path, f"row {number} is {_KINDS.get(found, 'no object')}, not an object", "mend the row")
        taken = window.take_object(limits.max_chars)
        if taken is None:
            _refuse(path, f"row {number} is broken or longer than {limits.max_chars} characters", "mend the row")
        yield number, *taken
        after = window.peek()
        window.at += after == ","
    if after != "]":
        _refuse(path, f"the list does not end after row {number}", "the file is cut short or broken: fetch it again")
    window.at += 1
    if window.peek():
        _refuse(path, "there is more text after the list", "put all rows in one list")


def _from_lines(path: Path, stream: TextIO, limits: RecordLimits) -> Iterator[tuple[int, Record, str]]:
    number = 0
    while line := stream.readline(limits.max_chars + 1):
        number += 1
        if len(line) > limits.max_chars:
            _refuse(path, f"line {number} is longer than {limits.max_chars} characters", "mend the line")
        if not (text := line.strip()):
            continue
        record = _DECODER.decode(text)
        if not isinstance(record, dict):
            _refuse(path, f"line {number} is {type(record).__name__}, not an object", "mend the line")
        yield number, record, text
    if not number:
        _refuse(path, "it is empty", "fetch it again")


def _deeper_than(record: Record, levels: int) -> bool:
    """Whether a record is nested more than so many levels; checked level by level, because most records have three."""
    inside: list[Any] = [record]
    for _ in range(levels):
        inside = [
            part
            for value in inside
            for part in (value.values() if isinstance(value, dict) else value)
            if isinstance(part, dict | list)
        ]
        if not inside:
            return False
    return True
