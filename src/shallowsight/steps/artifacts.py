"""The output artifacts of a pipeline step: pointers to cells of the store, and pages for Kubeflow's interface."""

import html
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from shallowsight.evaluate.harness import SCORES
from shallowsight.steps.comparing import verdicts_of
from shallowsight.study.benchmarks import ALL_CATEGORIES
from shallowsight.study.counts import counted
from shallowsight.study.early_stop import SCREEN, Screened
from shallowsight.study.resolved import Resolved

if TYPE_CHECKING:  # not imported at run time: it needs numpy
    from shallowsight.report.compare.values import Compared

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


def write_scores(setting: str, cells: Sequence[Path], path: str) -> None:
    """Write a setting's scores as a Markdown table: each benchmark's mean over seeds, and what was not run.

    A setting with an evaluation that ended early has no table: the report compares it with no other one.
    """
    if ended := _ended_early(cells):
        after = " and ".join(sorted({each.after for each in ended}))
        said = f"below layer {ended[0].usual} in every category after {after} of the questions"
        text = f"Setting {setting}: {len(ended)} of {counted(len(cells), 'evaluation')} ended early, {said}\n"
        Path(path).write_text(text, encoding="utf-8")
        return
    documents = [json.loads((cell / SCORES).read_text(encoding="utf-8")) for cell in cells]
    lines = [f"Setting {setting}, {len(cells)} seed(s)", "", "| benchmark | accuracy | questions |", "|---|---|---|"]
    sizes = {score["name"]: score["n"] for found in documents for score in found["benchmarks"]}
    for name, value in mean_scores(cells).items():
        lines.append(f"| {_cell(name)} | {100 * value:.1f} % | {sizes[name]} |")
    not_run = {name: why for found in documents for name, why in found.get("not_run", {}).items()}
    lines += [f"| {_cell(name)} | not run: {_cell(why)} | |" for name, why in not_run.items()]
    for name, sent in documents[0].get("submissions", {}).items():  # every seed has the same ones
        if sent["file"]:
            lines.append(f"| {_cell(name)} | to be scored by its server: {sent['file']} | {sent['answers']} |")
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def write_comparison(compared: "Compared | str", path: str) -> None:
    """Write the comparison with the run before as Markdown, or why there is none."""
    from shallowsight.report.compare.markdown import escaped, markdown

    text = f"{escaped(compared)}\n" if isinstance(compared, str) else markdown(compared)
    Path(path).write_text(text, encoding="utf-8")


def comparison_numbers(compared: "Compared | str") -> dict[str, float]:
    """The numbers of comparisons by verdict, and the change over all categories of each setting, in points."""
    if isinstance(compared, str):
        return {}
    changes = {
        f"change of {d.pair.after.setting} in points": round(100 * d.gap, 2)
        for d in compared.differences
        if d.category == ALL_CATEGORIES and d.gap is not None
    }
    return {verdict: float(count) for verdict, count in verdicts_of(compared).items()} | changes


def score_numbers(cells: Sequence[Path]) -> dict[str, float]:
    """The mean scores of a setting, or, of one with evaluations that ended early, how many these are."""
    if ended := _ended_early(cells):
        return {"evaluations that ended early": float(len(ended))}
    return mean_scores(cells)


def _ended_early(cells: Sequence[Path]) -> list[Screened]:
    return [Screened.model_validate_json((cell / SCREEN).read_bytes()) for cell in cells if (cell / SCREEN).exists()]


def mean_scores(cells: Sequence[Path]) -> dict[str, float]:
    """Benchmark -> mean accuracy over seeds."""
    found: dict[str, list[float]] = {}
    for cell in cells:
        for score in json.loads((cell / SCORES).read_text(encoding="utf-8"))["benchmarks"]:
            found.setdefault(score["name"], []).append(score["value"])
    return {name: fmean(values) for name, values in found.items()}
