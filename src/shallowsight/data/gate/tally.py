"""Sums over all chunks of checked rows, in memory that does not grow with the number of rows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from shallowsight.data.gate.chunk import Chunk
from shallowsight.data.gate.conversions import CONVERSIONS
from shallowsight.data.gate.occurrences import Occurrences, as_hashes, hash_of
from shallowsight.data.gate.own_rules import OwnRule
from shallowsight.data.gate.rules import Rule
from shallowsight.data.gate.suite import Found

_EXAMPLES = 5
_SHOWN = 400  # the most characters of a record in an example


@dataclass
class RuleCount:
    """The counts of one rule over all rows."""

    rule: Rule | OwnRule
    allowed: Fraction | None  # share of the checked rows that may break it; None: they count in `max_bad_share`
    looked_at: int = 0
    unexpected: int = 0
    examples: list[str] = field(default_factory=list)  # labels of rows

    def add(self, chunk: Chunk, found: Found) -> None:
        self.looked_at += found.looked_at
        self.unexpected += len(found.failing)
        self.examples += [chunk.name_of(place) for place in found.failing[: _EXAMPLES - len(self.examples)]]

    @property
    def beyond(self) -> bool:
        """Whether more rows break the rule than its own threshold allows."""
        return self.allowed is not None and self.unexpected > self.allowed * self.looked_at


@dataclass
class ConversionCount:
    """The count of one conversion over all rows, with the first converted row as an example."""

    rows: int
    row: str  # "train.json row 7"
    found: str
    became: str


class Tally:
    """Counts of rows, reasons and conversions."""

    def __init__(self, rules: Iterable[Rule | OwnRule], allowed: Mapping[str, Fraction]) -> None:
        self.rules = {rule.reason: RuleCount(rule, allowed.get(rule.reason)) for rule in rules}
        self.conversions: dict[str, ConversionCount] = {}
        self.rows, self.bad, self.converted = 0, 0, 0
        self.counted = 0  # bad rows that count in `max_bad_share`: at least one of their reasons has no own threshold
        self.files: list[dict[str, Any]] = []
        self.notes: Counter[str] = Counter()
        self._images = Occurrences()

    @property
    def good(self) -> int:
        return self.rows - self.bad

    @property
    def image_count(self) -> int:
        """Different image paths of the good rows."""
        return len(self._images)

    @property
    def reasons(self) -> dict[str, int]:
        """Rows per reason, most frequent first; a row may have several reasons."""
        return dict(Counter({reason: c.unexpected for reason, c in self.rules.items() if c.unexpected}).most_common())

    def begin(self, label: str) -> None:
        """Start a file: the chunks that are added next belong to it."""
        self.files.append({"name": label, "rows": 0, "good": 0})

    def add(self, chunk: Chunk, found: Mapping[str, Found], faults: Mapping[int, list[str]]) -> None:
        """Add a chunk, with the result of each rule and, for the place of each bad row, its reasons."""
        rows = len(chunk)
        self.rows += rows
        self.bad += len(faults)
        self.counted += sum(any(self.rules[reason].allowed is None for reason in why) for why in faults.values())
        self.files[-1]["rows"] += rows
        self.files[-1]["good"] += rows - len(faults)
        for reason, count in self.rules.items():
            count.add(chunk, found[reason])
        self._count_conversions(chunk)
        good = {image for place, image in enumerate(chunk.table["image"]) if image is not None and place not in faults}
        hashes = as_hashes(b"".join(map(hash_of, sorted(good))))
        self._images.add(hashes, np.zeros(len(hashes), np.int32))

    def _count_conversions(self, chunk: Chunk) -> None:
        self.converted += len(chunk.conversions)
        for place, names in chunk.conversions.items():
            for name in names:
                if name in self.conversions:
                    self.conversions[name].rows += 1
                    continue
                row = f"{chunk.label} row {chunk.table['number'][place]}"
                found, became = (_shown(text) for text in (chunk.text_found(place), chunk.line(place)))
                self.conversions[name] = ConversionCount(1, row, found, became)

    def conversion_entries(self) -> list[dict[str, Any]]:
        """The conversions for validation.json, in the order in which they are applied."""
        return [
            {"name": name, "words": words, "rows": c.rows, "row": c.row, "found": c.found, "became": c.became}
            for name, words in CONVERSIONS.items()
            if (c := self.conversions.get(name)) is not None
        ]


def _shown(line: bytes) -> str:
    text = line.decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."
