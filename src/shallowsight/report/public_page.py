"""The public benchmarks as the page shows them: numbers side by side, sub-tasks, finer categories."""

from collections.abc import Mapping
from typing import Any

from shallowsight.report.findings import Findings
from shallowsight.report.part_scores import PartScore
from shallowsight.report.public_numbers import Number, PublicRow, PublicTable, public_tables
from shallowsight.report.short_names import short_names
from shallowsight.report.submissions import ForServer, for_servers
from shallowsight.report.subtasks import FINER, Part, subtasks
from shallowsight.report.values import Study
from shallowsight.study.counts import counted

_DASH = "\N{EN DASH}"


def public_section(study: Study, findings: Findings) -> dict[str, Any]:
    """What the template shows; without public benchmarks and sub-tasks, nothing."""
    parts, tables = subtasks(findings), public_tables(findings)
    names = short_names(study.members)
    settings = [m.setting for m in study.members if m.setting in findings.trials]
    finer = [part for part in parts if part.kind == FINER]
    by_benchmark = {t.name: [p for p in parts if p.kind != FINER and p.benchmarks == (t.name,)] for t in tables}
    return {
        "settings": [names[s] for s in settings],
        "benchmarks": [_table(t, study) | {"parts": _rows(by_benchmark[t.name], settings)} for t in tables],
        "finer": _rows(finer, settings),
        "submissions": _submissions(study),
        "listed": bool(parts),
        "undecided": sum(row.score.undecided for table in tables for row in table.rows),
    }


def _submissions(study: Study) -> list[dict[str, Any]]:
    """Each benchmark that a server scores, with the file of each model."""
    found: dict[str, list[ForServer]] = {}
    for each in for_servers(study):
        found.setdefault(each.benchmark, []).append(each)
    return [
        {
            "name": name,
            "to": files[0].found.to,
            "why": files[0].found.why,
            "answers": counted(files[0].found.answers, "answer"),
            "files": files,
        }
        for name, files in found.items()
    ]


def _table(table: PublicTable, study: Study) -> dict[str, Any]:
    labels = {m.setting: m.label for m in study.members}
    return {
        "name": table.name,
        "asked": counted(max(row.score.questions for row in table.rows), "question"),
        "some_of": table.some_of,
        "official": [_with_largest(name, table.largest) for name in table.official],
        "ours": table.ours,
        "refused": any(row.refused for row in table.rows),
        "undecided": any(row.score.undecided for row in table.rows),
        "rows": [_numbers(row, table, labels[row.setting]) for row in table.rows],
    }


def _numbers(row: PublicRow, table: PublicTable, label: str) -> dict[str, Any]:
    return {
        "label": label,
        "accuracy": _accuracy(row.score),
        "official": [_number(row.official.get(name)) for name in table.official],
        "ours": [_number(row.ours.get(name)) for name in table.ours],
        "refused": row.refused,
        "undecided": row.score.undecided,
    }


def _rows(parts: list[Part], settings: list[str]) -> list[dict[str, Any]]:
    found = []
    for part in parts:
        top = max(score.mean for score in part.scores.values())
        scores = [part.scores.get(setting) for setting in settings]
        cells = [(_accuracy(s), s is not None and s.mean == top) for s in scores]
        where = ", ".join(part.benchmarks)
        found.append({"name": part.name, "where": where, "questions": part.questions, "cells": cells})
    return found


def _accuracy(score: PartScore | None) -> dict[str, str]:
    """The mean in percent, as a range where answers are undecided, and the standard deviation between seeds."""
    if score is None:
        return {"mean": "", "sd": ""}
    mean = f"{100 * score.mean:.1f}"
    if score.undecided:
        mean = f"{mean}{_DASH}{100 * score.highest:.1f}"
    return {"mean": mean, "sd": "" if score.sd is None else f"{100 * score.sd:.1f}"}


def _number(number: Number | None) -> dict[str, str]:
    """On the scale of the metric."""
    if number is None:
        return {"mean": "", "sd": ""}
    mean, sd = number
    digits = 4 if abs(mean) <= 1 else 1
    return {"mean": f"{mean:.{digits}f}", "sd": "" if sd is None else f"{sd:.{digits}f}"}


def _with_largest(name: str, largest: Mapping[str, float]) -> str:
    return f"{name} (of {largest[name]:g})" if name in largest else name
