"""The judge's step: decide what an evaluation left undecided, and write its rows and scores again."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shallowsight.data.records import Record, read_jsonl, write_jsonl
from shallowsight.evaluate.harness import SAMPLES, SCORES, score_of
from shallowsight.evaluate.judge.decisions import Decision, bounds
from shallowsight.evaluate.judge.judge import Asking, decide
from shallowsight.evaluate.to_judge import JUDGED, ToJudge
from shallowsight.study.benchmarks import find_benchmark
from shallowsight.study.counts import counted

AGAIN = "ask_again"  # of scores.json: how many answers are undecided for a reason that may pass


def why_undecided(judged: Path) -> str:
    """How many answers the judge was asked about, how many it left undecided, and the most frequent reason; or ''."""
    found = json.loads((judged / SCORES).read_text(encoding="utf-8"))["judge"]
    reasons: dict[str, int] = found["reasons"]
    if not reasons:
        return ""
    most = max(reasons, key=lambda reason: reasons[reason])
    others = f", and {counted(len(reasons) - 1, 'other reason')}" if len(reasons) > 1 else ""
    return f"{sum(reasons.values())} of {counted(found['asked'], 'answer')} undecided: {most}{others}"


def may_help(judged: Path) -> bool:
    """Whether the judge may decide more when it is asked once more."""
    return bool(json.loads((judged / SCORES).read_text(encoding="utf-8"))["judge"][AGAIN])


def judge(evaluated: Path, asking: Asking, out: Path) -> None:
    """Write scores.json and samples.jsonl of an evaluation with what the judge decided.

    No fault of the judge raises: rows that it does not decide stay undecided, with the reason.
    """
    rows = list(read_jsonl(evaluated / SAMPLES))
    asked = [(row, ToJudge(**each)) for row in rows if row.get("undecided") for each in row[JUDGED]]
    found = decide([each.question_of for _, each in asked], asking)
    decided: dict[int, list[tuple[ToJudge, Decision]]] = {}
    for (row, each), decision in zip(asked, found, strict=True):
        decided.setdefault(id(row), []).append((each, decision))
    judged = [_judged(row, decided[id(row)]) if id(row) in decided else row for row in rows]
    write_jsonl(judged, out / SAMPLES)
    scores = json.loads((evaluated / SCORES).read_text(encoding="utf-8"))
    changed = {row["benchmark"] for row, _ in asked}
    scores["benchmarks"] = [
        _scored(score, [row for row in judged if row["benchmark"] == score["name"]])
        if score["name"] in changed
        else score
        for score in scores["benchmarks"]
    ]
    again = sum(decision.again for decision in found)
    scores["judge"] = {
        "model": asking.judge.model,
        "asked": len(asked),
        "undecided": _undecided(judged),
        AGAIN: again,
        "reasons": Counter(decision.reason for decision in found if decision.by is None),
    }
    (out / SCORES).write_text(json.dumps(scores, indent=1), encoding="utf-8")


def _judged(row: Record, found: Sequence[tuple[ToJudge, Decision]]) -> Record:
    """Wrong if one of its answers is wrong; undecided if none is wrong and one is undecided."""
    kept = {key: value for key, value in row.items() if key not in {"undecided", JUDGED}}
    scores = [asked.score(decision) for asked, decision in found]
    if 0.0 in scores:
        return kept | {"correct": 0.0, "decided_by": "judge"}
    if None in scores:
        return row | {"undecided_because": next(decision.reason for _, decision in found if decision.by is None)}
    return kept | {"correct": min(score for score in scores if score is not None), "decided_by": "judge"}


def _scored(score: Mapping[str, Any], rows: Sequence[Record]) -> dict[str, Any]:
    return {**score, **score_of(find_benchmark(str(score["name"])), rows), "bounds": list(bounds(rows))}


def _undecided(rows: Sequence[Record]) -> int:
    return sum(bool(row.get("undecided")) for row in rows)
