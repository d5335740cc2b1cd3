"""The output artifacts of a pipeline step: pointers to cells of the store, and pages for Kubeflow's interface."""

import html
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from shallowsight.evaluate.harness import SCORES
from shallowsight.study.resolved import Resolved

RECOMMENDATION = "recommendation.json"  # a file of the report


def write_document(resolved: Resolved, path: str) -> None:
    """Write the resolved study, which every later step takes."""
    Path(path).write_text(resolved.document(), encoding="utf-8")


def write_pointer(cells: Sequence[Path], path: str) -> None:
    """Write which cells of the store a step made or found; the files of the cells stay in the store."""
    Path(path).write_text(json.dumps({"cells": [cell.name for cell in cells]}, indent=1), encoding="utf-8")


def write_verdict_page(data: Path, path: str) -> None:
    """Write one page that shows the data gate's pages, one for each group of sources, below each other."""
    pages = sorted((data / "validation").glob("*/validation.html"))
    frames = (
        f'<h2>{html.escape(page.parent.name)}</h2><iframe style="width:100%;height:40em;border:0" '
        f'srcdoc="{html.escape(page.read_text(encoding="utf-8"))}"></iframe>'
        for page in pages
    )
    Path(path).write_text(
        f'<!doctype html><meta charset="utf-8"><title>Data gate</title>{"".join(frames)}', encoding="utf-8"
    )


def model_facts(resolved: Resolved, setting: str, stage: str, cells: Sequence[Path], store: str) -> dict[str, str]:
    """The metadata that Kubeflow's interface shows for a model, with the URL of its checkpoint for each seed."""
    base = resolved.base
    return {
        "study": resolved.study.name,
        "setting": setting,
        "stage": stage,
        "tower": f"{resolved.tower.name} {resolved.tower.digest[:16]}",
        "language": f"{base.language.model} {resolved.language_digest[:16]}",
        "seeds": ", ".join(map(str, resolved.study.seeds_of(resolved.setting(setting)))),
        "checkpoints": ", ".join(f"{store.rstrip('/')}/cells/{cell.name}" for cell in cells),
    }


def write_summary(page: Path, path: str) -> None:
    """Write the recommendation that lies beside a report's page as a Markdown table."""
    categories = json.loads((page.parent / RECOMMENDATION).read_text(encoding="utf-8"))["categories"]
    cells = ((name, found["why"]) for name, found in categories.items())
    rows = ["| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in cells]
    lines = ["| category | what the study shows |", "|---|---|", *rows] if rows else ["Nothing is finished yet."]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def mean_scores(cells: Sequence[Path]) -> dict[str, float]:
    """Benchmark -> mean accuracy over seeds."""
    found: dict[str, list[float]] = {}
    for cell in cells:
        for score in json.loads((cell / SCORES).read_text(encoding="utf-8"))["benchmarks"]:
            found.setdefault(score["name"], []).append(score["value"])
    return {name: fmean(values) for name, values in found.items()}
