"""Three ways to check the texts of a file: the data gate, a plain loop, Great Expectations over one frame."""

import json
import time
from collections import Counter
from pathlib import Path


def gate(file: Path, folder: Path) -> int:
    """All of the gate, its outputs included."""
    from shallowsight.data.gate.gate import gate as check

    return check([file], folder / "images", folder / f"out-{time.monotonic_ns()}", max_bad_share=0).good


def loop(file: Path, folder: Path) -> int:
    """What one would write oneself: the simplest checks that find the faults at all; returns the good rows."""
    good, seen = 0, Counter[str]()
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            turns = row["conversations"]
            seen[row["id"]] += 1
            good += (
                isinstance(row["id"], str)
                and isinstance(row.get("image", ""), str)
                and [turn["from"] for turn in turns] == ["human", "gpt"] * (len(turns) // 2)
                and all(turn["value"].strip() for turn in turns)
                and sum(turn["value"].count("<image>") for turn in turns) == ("image" in row)
                and "<image>" in turns[0]["value"]
                and seen[row["id"]] == 1
            )
    return good


def expectations(file: Path, folder: Path) -> int:
    """The gate's rules by Great Expectations alone, over one frame of the whole file."""
    from shallowsight.data.gate.facts import facts_of, table_of
    from shallowsight.data.gate.rows import read_rows
    from shallowsight.data.gate.rules import rules
    from shallowsight.data.gate.suite import Suite

    rows = (facts_of(row.record, file=file.name, number=row.number, image_status="ok") for row in read_rows(file))
    table = table_of(rows)
    found = Suite(rules(allow_text_only=True, max_chars=40_000)).check(table)
    return len(table["id"]) - len({place for one in found.values() for place in one.failing})


WAYS = {"gate": gate, "loop": loop, "expectations": expectations}
