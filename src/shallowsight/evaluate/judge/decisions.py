"""What was decided about an answer, by what, and what that makes of its row and of a score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Row = dict[str, Any]  # a line of samples.jsonl
By = Literal["rule", "judge", "cache"]
RULE: By = "rule"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Of a question with options the letter that was chosen (None: none was); of a free one a score from 0 to 1.

    Without `by` nothing was decided, and `reason` says why.
    """

    by: By | None = None
    letter: str | None = None
    score: float | None = None
    reason: str | None = None
    again: bool = False  # whether the reason may pass, so that asking once more may help

    @classmethod
    def undecided(cls, reason: str, again: bool = False) -> "Decision":
        return cls(reason=reason, again=again)


def mean(rows: Sequence[Row]) -> float:
    """The mean of `correct`."""
    return float(sum(row["correct"] for row in rows) / len(rows))


def bounds(rows: Sequence[Row]) -> tuple[float, float]:
    """The lowest and the highest mean that the undecided rows leave possible; equal where there are none.

    `rows` is at least one line of samples.jsonl.
    """
    low, high = ([row | {"correct": end} if row.get("undecided") else row for row in rows] for end in (0.0, 1.0))
    return mean(low), mean(high)
