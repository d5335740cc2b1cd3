"""Read a study folder into frozen values; a missing or damaged part becomes a gap with a reason."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from shallowsight.data.learning import LEARNING
from shallowsight.data.shortened import SHORTENED
from shallowsight.errors import ConfigurationError
from shallowsight.report.read_cells import PROBES, CellReader
from shallowsight.report.values import Study
from shallowsight.store.digest import digest_of
from shallowsight.study.early_stop import SCREEN
from shallowsight.study.public_benchmarks import submission_files

OUTPUTS = (
    "data.json",
    "analysis.json",
    PROBES,
    "scores.json",
    "samples.jsonl",
    SHORTENED,
    LEARNING,
    SCREEN,
    *submission_files(),
)  # files of cells that are read
NO_PLAN: Mapping[str, Any] = {"members": []}


def read_study(folder: Path) -> Study:
    """Read everything; only a missing or unusable study.json or plan.json is an error.

    Raises:
        ConfigurationError: `folder` is not a study folder.
    """
    document = _required(folder / "study.json")
    # A study that stopped before the analysis has no plan yet; the report then says that nothing is finished.
    plan = _required(folder / "plan.json") if (folder / "plan.json").exists() else NO_PLAN
    # If several runs share a bucket, the plan that was written last may belong to another study.
    if plan.get("study", own := digest_of(document)) != own:
        plan = NO_PLAN
    reader = CellReader(folder)
    try:
        raw = document["study"]
        shared = plan.get("shared") or {}
        base = raw.get("base") or {}
        members = tuple(replace(reader.member(m, shared), place=i) for i, m in enumerate(plan["members"]))
        return Study(
            name=str(raw["name"]),
            tower=str((base.get("vision") or {}).get("tower", "unknown tower")),
            seeds=tuple(int(s) for s in raw.get("seeds", ())),
            raw=raw,
            members=tuple(m for m in members if m.part == 1 and not m.stopped),
            ended=tuple(m for m in members if m.part > 1 or m.stopped),
            analysis=reader.analysis(plan.get("analysis")),
            probes=reader.probes(plan.get("probes")),
            data=reader.optional(shared.get("prepare"), "data.json"),
            texts=tuple(reader.texts(members)),
            cells=tuple(reader.finished(plan)),
            problems=tuple(reader.problems),
            facts=document.get("tower") or {},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(
            f"{folder}: study.json or plan.json does not have the agreed form: {error!r}"
        ) from error


def _required(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path.parent} is not a study folder: cannot read {path.name} ({error})") from error
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path}: expected a JSON object, found {type(found).__name__}")
    return found
