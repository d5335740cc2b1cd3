"""Records that are too long for the language model: cut at its length, or left out if no answer comes before it."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shallowsight.errors import DataRefused

SHORTENED = "shortened.json"  # in the cells of steps that read records or ask questions
_SHOWN = 5  # the most ids in a message


@dataclass
class Shortened:
    """Which records (or questions) of one step were cut or left out; lengths in tokens, image tokens included."""

    limit: int
    records: int = 0
    longest: int = 0
    cut: list[str] = field(default_factory=list)  # ids, in the order of the records
    left_out: list[str] = field(default_factory=list)

    def add(self, identity: str, length: int, supervised: int) -> None:
        """Count a record of this full length; `supervised` is the number of tokens with loss within the limit."""
        self.records += 1
        self.longest = max(self.longest, length)
        if not supervised:
            self.left_out.append(identity)
        elif length > self.limit:
            self.cut.append(identity)

    @property
    def share(self) -> float:
        return (len(self.cut) + len(self.left_out)) / self.records if self.records else 0.0

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Shortened":
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**found)

    def __str__(self) -> str:
        """`1 of 24 left out (no answer within 256 tokens): 'r3'; 1 cut at 256 tokens: 'r0'`."""
        parts = []
        if self.left_out:
            parts.append(
                f"{len(self.left_out)} of {self.records} left out (no answer within {self.limit} tokens): "
                f"{some(self.left_out)}"
            )
        if self.cut:
            parts.append(f"{len(self.cut)} of {self.records} cut at {self.limit} tokens: {some(self.cut)}")
        return "; ".join(parts) or f"all {self.records} whole"


def some(ids: list[str]) -> str:
    """The first ids, as a text for messages."""
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return ", ".join(repr(each[:80]) for each in ids[:_SHOWN]) + more


def require_few(what: str, found: Shortened, allowed: float) -> None:
    """Raises DataRefused when more than the share `allowed` of the records was cut or left out."""
    if found.share <= allowed:
        return
    raise DataRefused(
        f"{what}: {found}. That is a share of {found.share:.3g}, allowed is {allowed:g}; the longest is "
        f"{found.longest} tokens. To go on: raise language.max_length, shorten these texts, or raise "
        f"data.max_bad_share (at least {math.ceil(found.share * 1000) / 1000:g} here)"
    )
