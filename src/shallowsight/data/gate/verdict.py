"""The verdict over the counted rows, and its messages."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shallowsight.data.gate.own_rules import OwnRule
from shallowsight.data.gate.tally import RuleCount, Tally
from shallowsight.study.counts import counted, is_or_are


def refusal(tally: Tally, max_bad_share: float, quarantine: Path) -> str | None:
    """The message with which the data is refused, and how to mend it; None: the data passes.

    Rows whose reasons all have their own thresholds do not count in `max_bad_share`.
    """
    if not tally.rows:
        files = "data.finetune, data.pretrain and data.test"
        return f"data refused: the files hold no rows at all. To go on: name files with rows in {files}."
    share = tally.counted / tally.rows
    beyond = [count for count in tally.rules.values() if count.beyond]
    if tally.good and share <= max_bad_share and not beyond:
        return None
    said = [_too_many(tally, share, max_bad_share)] if not tally.good or share > max_bad_share else []
    said += [_beyond(count) for count in beyond]
    mends = ["mend the rows"]
    if tally.good and share > max_bad_share:
        mends.append(f"raise data.max_bad_share (at least {_rounded_up(share)} here)")
    if tally.good and beyond:
        mends.append(f"raise the threshold of {', '.join(c.rule.reason for c in beyond)} in data.expectations")
    return f"data refused: {'. '.join(said)}. All of them, with reasons: {quarantine}. To go on: {' or '.join(mends)}."


def _too_many(tally: Tally, share: float, max_bad_share: float) -> str:
    allowed = f"allowed is a share of {max_bad_share:g}" if tally.good else "no good row is left"
    frequent = [tally.rules[reason] for reason in tally.reasons if tally.rules[reason].allowed is None]
    most = "; ".join(_with_example(count) for count in frequent[:3])
    bad = tally.counted if tally.good else tally.bad
    return (
        f"{bad} of {counted(tally.rows, 'row')} {is_or_are(bad)} bad "
        f"({share if tally.good else 1:.3g}); {allowed}" + (f". Most frequent: {most}" if most else "")
    )


def _with_example(count: RuleCount) -> str:
    return f"{count.rule.reason} {count.unexpected} (for example {count.examples[0][:80]!r})"


def _beyond(count: RuleCount) -> str:
    assert count.allowed is not None
    return (
        f"rule {_with_example(count)} is broken by {count.unexpected / count.looked_at:.3g} of the {count.looked_at} "
        f"rows that it looks at; allowed is a share of {float(count.allowed):g}"
    )


def _rounded_up(share: float) -> str:
    return f"{math.ceil(share * 1000) / 1000:g}"


def notices(tally: Tally, quarantine: Path) -> tuple[str, ...]:
    """Messages about data that passed: which rows were converted, and which were put into quarantine."""
    said = []
    if tally.conversions:
        parts = ", ".join(f"{entry['name']} {entry['rows']}" for entry in tally.conversion_entries())
        said.append(
            f"{tally.converted} of {tally.rows} rows converted: {parts}; examples: {quarantine.parent}/validation.html"
        )
    if tally.bad:
        parts = ", ".join(f"{reason} {rows}" for reason, rows in tally.reasons.items())
        said.append(f"{tally.bad} of {tally.rows} rows put aside: {parts}; with causes: {quarantine}")
    said += [
        f"rule {count.rule.reason} checked no row; compare its `where` with the values of the columns"
        for count in tally.rules.values()
        if isinstance(count.rule, OwnRule) and not count.looked_at
    ]
    return tuple(said)


def verdict(tally: Tally, max_bad_share: float, *, refused: bool) -> dict[str, Any]:
    """The content of validation.json."""
    return {
        "verdict": "refused" if refused else "accepted",
        "rows": tally.rows,
        "good": tally.good,
        "bad": tally.bad,
        "max_bad_share": max_bad_share,
        "image_count": tally.image_count,
        "reasons": tally.reasons,
        "beyond": [_expectation(count) for count in tally.rules.values() if count.beyond],
        "converted": tally.converted,
        "conversions": tally.conversion_entries(),
        "notes": {note: count for note, count in tally.notes.items() if count},
        "files": tally.files,
        "expectations": [_expectation(count) for count in tally.rules.values()],
    }


def _expectation(count: RuleCount) -> Mapping[str, Any]:
    rule = count.rule
    return {
        "name": rule.words,
        "reason": rule.reason,
        "column": ", ".join(rule.columns) if isinstance(rule, OwnRule) else rule.column,
        "success": not count.unexpected,
        "unexpected": count.unexpected,
        "looked_at": count.looked_at,
        "allowed": None if count.allowed is None else float(count.allowed),
        "examples": count.examples,
    }
