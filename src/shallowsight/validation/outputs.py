"""The files that the data gate leaves behind."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shallowsight.errors import ShallowsightError
from shallowsight.validation.checks import Table
from shallowsight.validation.labels import labels_of
from shallowsight.validation.page import render
from shallowsight.validation.records import Record, read_records


def split(
    files: Sequence[Path], good_files: Sequence[Path], quarantine: Path, table: Table, faults: Sequence[tuple[str, ...]]
) -> None:
    """Send each raw record to the good rows of its file or, with its reasons, to the quarantine.

    Reads the files once more, so that the records need not all be in memory.
    """
    places = iter(zip(table.rows, faults, strict=True))
    with quarantine.open("w", encoding="utf-8") as aside:
        for file, label, good_file in zip(files, labels_of(files), good_files, strict=True):
            with good_file.open("w", encoding="utf-8") as good:
                for number, record in read_records(file):
                    facts, found = next(places, (None, ()))
                    if facts is None or (facts.file, facts.number) != (label, number):
                        raise ShallowsightError(f"data file {file} changed while it was checked; run the gate again")
                    if found:
                        entry = {"file": label, "row": number, "id": facts.id, "reasons": found, "record": record}
                        aside.write(_line(entry))
                    else:
                        good.write(_line(record))
    if next(places, None) is not None:
        raise ShallowsightError("a data file became shorter while it was checked; run the gate again")


def _line(record: Record) -> str:
    """One line of JSON; readable UTF-8 unless the text holds lone surrogates, which UTF-8 cannot carry."""
    line = json.dumps(record, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        line = json.dumps(record)
    return line + "\n"


def count_by_file(files: Sequence[Path], table: Table, faults: Sequence[tuple[str, ...]]) -> list[dict[str, Any]]:
    """Rows and good rows of each file."""
    rows = Counter(row.file for row in table.rows)
    good = Counter(row.file for row, found in zip(table.rows, faults, strict=True) if not found)
    return [{"name": label, "rows": rows[label], "good": good[label]} for label in labels_of(files)]


def write_verdict(out: Path, validation: Mapping[str, Any]) -> None:
    """The verdict for programs (validation.json) and for people (validation.html)."""
    (out / "validation.json").write_text(json.dumps(validation, indent=2) + "\n", encoding="utf-8")
    (out / "validation.html").write_text(render(validation), encoding="utf-8")
